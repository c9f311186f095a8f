"""/livez and /readyz of Firstbell: the mesh's own, and what else a host of ours needs."""

from webapp.health.checks import reasons
from webapp.mail.figures import figures
from webapp.multimaster import health


class HealthMiddleware(health.HealthMiddleware):
    def reasons(self) -> list[str]:
        return reasons()

    def figures(self) -> dict[str, object]:
        return {"mail": figures()}
