"""The catalogue as a function: `handler` for AWS Lambda, `http` for functions-framework."""

from fragments.games.asgi import application
from fragments.kit.function import aws_lambda, http_function

handler = aws_lambda(application)
http = http_function(application)
