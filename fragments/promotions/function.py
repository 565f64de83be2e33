"""The offers as a function: `handler` for AWS Lambda, `http` for functions-framework."""

from fragments.kit.function import aws_lambda, http_function
from fragments.promotions.asgi import application

handler = aws_lambda(application)
http = http_function(application)
