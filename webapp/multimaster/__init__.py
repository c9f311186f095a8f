"""Django on a mesh of Postgres nodes that all take writes: a database backend, durability, a middleware.

Use it under any project: `ENGINE = "webapp.multimaster"`, and `PositionMiddleware` before the sessions'.
The mesh itself is made by `cluster/`; this package knows only the SQL functions of schema `mesh`.
"""
