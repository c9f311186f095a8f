"""A relay on Django Channels 4, for uvicorn. The environment's CHANNEL_LAYER and REDIS_URL say over what."""

import os
from typing import Any

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from channels.routing import ProtocolTypeRouter, URLRouter
from django.conf import settings
from django.urls import path

settings.configure(
    SECRET_KEY="of a benchmark",
    CHANNEL_LAYERS={
        "default": {
            "BACKEND": os.environ["CHANNEL_LAYER"],
            "CONFIG": {
                "hosts": [os.environ["REDIS_URL"]],
                # the default of 100 would throw away what a hundred pages have under way at once
                **({"capacity": 100_000} if os.environ["CHANNEL_LAYER"].endswith("RedisChannelLayer") else {}),
            },
        }
    },
)  # fmt: skip
django.setup()


class Relay(AsyncWebsocketConsumer):
    async def connect(self) -> None:
        self.group = self.scope["url_route"]["kwargs"]["session"]
        await self.channel_layer.group_add(self.group, self.channel_name)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        await self.channel_layer.group_discard(self.group, self.channel_name)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        message = {"type": "relay", "by": self.channel_name, "frame": bytes_data}
        await self.channel_layer.group_send(self.group, message)

    async def relay(self, event: dict[str, Any]) -> None:
        if event["by"] != self.channel_name:
            await self.send(bytes_data=event["frame"])


application = ProtocolTypeRouter({"websocket": URLRouter([path("<str:session>", Relay.as_asgi())])})
