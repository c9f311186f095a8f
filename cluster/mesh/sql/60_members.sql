-- Who belongs to the mesh, what keeps this host from serving, and who did what to the cluster.
-- Each node keeps its own; none of it is replicated. Written by cluster/membership.py, cluster/joining.py and the agent.
do $$ begin                                      -- looked at first: even a no-op would lock out all readers
    if not exists (select from pg_attribute where attrelid = 'mesh.node'::regclass and attname = 'state') then
        alter table mesh.node add column state text not null default 'member' check (state in ('member', 'evicted'));
    end if;
end $$;

create table if not exists mesh.unfit (          -- why this host must not serve; empty: it may
    what text primary key check (what in ('clock', 'gate')),
    reason text not null,                        -- for a person, in one sentence
    since timestamptz not null default clock_timestamp()
);

create table if not exists mesh.joining (        -- a row: this node is being filled and is no member yet
    one boolean primary key default true check (one),
    step text not null check (step in ('copying', 'copied')),
    donor smallint not null,
    began timestamptz not null default clock_timestamp()
);

create table if not exists mesh.audit (          -- one line per operation on the cluster
    at timestamptz not null default clock_timestamp(),
    who text not null,                           -- person@machine, or agent@host
    what text not null,
    detail jsonb not null default '{}'
);

-- Why this host must not serve, one reason a row. Asked by /readyz of the webapp.
create or replace function mesh.unfit_reasons() returns setof text language sql stable security definer
set search_path = pg_catalog, pg_temp as $$
    select u.reason from mesh.unfit u
    union all select 'this node is being filled from node ' || j.donor || ' and is no member yet' from mesh.joining j
    union all select 'this node was evicted; run: clusterctl rejoin ' || n.name from mesh.node n
        where n.node = mesh.me() and n.state = 'evicted'
    union all select 'this node was not yet compared with its peers since its Postgres started'
        where not mesh.gate_is_open()
        and not exists (select from mesh.unfit) and not exists (select from mesh.joining)
$$;

revoke all on function mesh.unfit_reasons() from public;
grant execute on function mesh.unfit_reasons() to {app_role};
grant select on mesh.audit to {app_role};
