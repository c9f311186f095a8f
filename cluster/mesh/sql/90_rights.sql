-- What the application may do with the mesh; nobody else may do anything.
revoke all on all functions in schema mesh from public;
grant usage on schema mesh to {app_role};
grant execute on function mesh.me(), mesh.position(), mesh.wait_for(text, int), mesh.run_ddl(text),
    mesh.log_ddl(text), mesh.align_sequences() to {app_role};
grant select on mesh.node, mesh.parked, mesh.conflict, mesh.change, mesh.replicated to {app_role};
