"""The offers as a function: `fragments.promotions.function.handler`."""

from fragments.kit.function import aws_lambda
from fragments.promotions.asgi import application

handler = aws_lambda(application)
