"""The wallet as a function: `fragments.wallet.function.handler`."""

from fragments.kit.function import aws_lambda
from fragments.wallet.asgi import application

handler = aws_lambda(application)
