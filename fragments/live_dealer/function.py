"""The live tables as a function: `fragments.live_dealer.function.handler`."""

from fragments.kit.function import aws_lambda
from fragments.live_dealer.asgi import application

handler = aws_lambda(application)
