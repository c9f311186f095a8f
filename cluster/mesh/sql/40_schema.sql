-- Schema changes travel in the change log, like rows. `manage.py migrate` on one node reaches all.

-- The log names the role that was logged in, never one that the caller names: peers run the statement as that role.
-- Run one schema change here and on every node. Called by the Django backend; raises what the statement raises.
-- A lock that it can't have at once is asked for again and again, briefly: whoever comes after a waiting schema change
-- waits behind it, people's requests among them. After ten seconds it raises 55P03; what ran before it stays undone with it.
create or replace function mesh.run_ddl(statement text) returns void language plpgsql as $$
declare patience text := current_setting('lock_timeout'); until timestamptz := clock_timestamp() + interval '10 s';
begin
    perform set_config('mesh.ddl', 'on', true);
    loop
        begin
            perform set_config('lock_timeout', '200ms', true);
            execute statement;
            exit;
        exception when lock_not_available then
            if clock_timestamp() > until then
                raise lock_not_available using message = 'schema change waited 10 s for a lock in vain: ' || left(statement, 200),
                    hint = 'a long transaction uses the table (see pg_stat_activity); nothing was changed, run it again';
            end if;
        end;
        perform pg_sleep(0.1 + random() * 0.2);
    end loop;
    perform set_config('lock_timeout', patience, true);
    perform mesh.log_ddl(statement);
    perform set_config('mesh.ddl', '', true);
end $$;

create or replace function mesh.log_ddl(statement text) returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
    perform mesh.must_be_admitted();
    perform pg_current_xact_id();                -- before its number: see mesh.unsettled
    insert into mesh.change select mesh.me(), s, mesh.next_hlc(), '', mesh.me() || ':' || s, 'S',
        jsonb_build_object('sql', statement, 'role', session_user), null, null, pg_current_xact_id()::text::bigint,
        current_setting('mesh.actor', true), current_setting('mesh.request', true) from nextval('mesh.change_seq') s;
end $$;

create or replace function mesh.apply_schema(c mesh.change) returns void language plpgsql as $$
declare complaint text; patience text := current_setting('lock_timeout');
begin
    if exists (select from mesh.parked p where p.tbl = '' and p.reason = 'schema' and p.detail like 'waits for %'
               and split_part(p.key, ':', 1)::smallint = c.origin and split_part(p.key, ':', 2)::bigint < c.seq) then
        perform mesh.park('', c.origin || ':' || c.seq, 'schema', 'waits for the schema change before it');
        return;
    end if;
    begin
        perform set_config('search_path', 'public', true);
        perform set_config('role', c.row->>'role', true);
        perform set_config('lock_timeout', '200ms', true); -- later, by the sweep, rather than in everybody's way
        execute c.row->>'sql';
        perform set_config('role', 'none', true);
        perform set_config('search_path', 'pg_catalog, pg_temp', true);
        delete from mesh.parked p where p.tbl = '' and p.key = c.origin || ':' || c.seq;
    exception
        when deadlock_detected or serialization_failure then
            raise;
        when lock_not_available then
            complaint := 'waits for a lock';
        when others then
            get stacked diagnostics complaint = message_text;
    end;
    perform set_config('lock_timeout', patience, true);
    if complaint is not null then
        perform mesh.park('', c.origin || ':' || c.seq, 'schema', complaint);
    end if;
end $$;

-- This node's residue class for one sequence: values ≡ node (mod 16), above whatever it has given out.
create or replace function mesh.align_sequence(s regclass) returns void language plpgsql as $$
declare within text := coalesce(current_setting('mesh.attaching', true), ''); d record; last bigint; owner_table regclass; owner_column text; highest bigint; next bigint; called boolean;
begin
    select * into d from pg_sequence where seqrelid = s;
    if d.seqincrement < 0 then
        return;
    end if;
    execute format('select case when is_called then last_value else last_value - 1 end from %s', s) into last;
    select p.refobjid::regclass, a.attname into owner_table, owner_column
        from pg_depend p join pg_attribute a on a.attrelid = p.refobjid and a.attnum = p.refobjsubid
        where p.objid = s and p.classid = 'pg_class'::regclass and p.deptype in ('a', 'i') limit 1;
    if owner_table is not null then
        execute format('select max(%I) from %s', owner_column, owner_table) into highest;
        last := greatest(last, highest);
    end if;
    if d.seqincrement = 16 and d.seqstart % 16 = mesh.me() % 16 and (highest is null or highest <= last) then
        execute format('select last_value, is_called from %s', s) into next, called;
        if next % 16 = mesh.me() % 16 and (highest is null or next > highest or called and next = highest) then
            return;
        end if;
    end if;
    next := last + 1 + (((mesh.me() - last - 1) % 16) + 16) % 16;
    perform set_config('mesh.attaching', 'on', true); -- our own change of it: no look at that
    execute format('alter sequence %s increment by 16 start with %s restart with %s', s, mesh.me(), next);
    perform set_config('mesh.attaching', within, true);
end $$;

create or replace function mesh.align_sequences() returns void language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
begin
    perform mesh.align_sequence(c.oid::regclass) from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'S' and n.nspname = 'public';
end $$;

-- After each schema change, on every node: attach new tables, write altered ones' functions anew, align sequences.
create or replace function mesh.on_ddl() returns event_trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare o record;
begin
    if current_setting('mesh.attaching', true) = 'on' then
        return;
    end if;
    if current_setting('session_replication_role') = 'origin' and current_setting('mesh.ddl', true) = 'on' then
        select c.object_identity into o from pg_event_trigger_ddl_commands() c join pg_class k on k.oid = c.objid
            where c.object_type = 'table' and k.relpersistence <> 't' and c.schema_name not in ('mesh', 'mesh_verify')
            and (c.schema_name <> 'public' or k.relkind = 'p' or k.relispartition or k.relpersistence = 'u') limit 1;
        if found then
            raise exception 'rows of % would stay on the node that they are written to: only ordinary tables of the schema public are replicated', o.object_identity
                using hint = 'no unlogged table, no partitions, no other schema; for this node alone: set mesh.ddl = local';
        end if;
    end if;
    perform set_config('mesh.attaching', 'on', true);
    -- Whatever rows can come to depend on: functions, triggers and types as much as tables.
    for o in select distinct c.objid, c.object_type, c.command_tag, c.object_identity from pg_event_trigger_ddl_commands() c
             -- what hangs on a table is named by its schema, and belongs to none
             where 'public' in (c.schema_name, case when c.object_type in ('trigger', 'rule', 'policy')
                 then (pg_identify_object_as_address(c.classid, c.objid, c.objsubid)).object_names[1] end)
             and c.command_tag not in ('COMMENT', 'SECURITY LABEL', 'GRANT', 'REVOKE', 'REINDEX', 'REFRESH MATERIALIZED VIEW') loop
        if current_setting('session_replication_role') = 'origin'
                and coalesce(current_setting('mesh.ddl', true), '') not in ('on', 'local') then
            raise exception '% of % would exist on this node only', o.command_tag, o.object_identity
                using hint = 'use manage.py migrate, or select mesh.run_ddl(''...''); for this node alone: set mesh.ddl = local';
        end if;
        if o.object_type in ('table', 'table column') and coalesce(current_setting('mesh.ddl', true), '') <> 'local'
                and exists (select from pg_class where oid = o.objid and relkind = 'r' and relpersistence = 'p') then
            perform mesh.attach(o.objid);
        end if;
        if o.object_type = 'sequence' then
            perform mesh.align_sequence(o.objid::regclass);
        end if;
    end loop;
    perform set_config('mesh.attaching', '', true);
end $$;

create or replace function mesh.on_drop() returns event_trigger language plpgsql security definer
set search_path = pg_catalog, pg_temp as $$
declare o record; f record; left_behind oid;
begin
    select d.object_type, d.object_identity into o from pg_event_trigger_dropped_objects() d
        where d.original
        and 'public' in (d.schema_name, case when d.object_type in ('trigger', 'rule', 'policy') then d.address_names[1] end)
        and d.object_type not in ('table column', 'table constraint', 'default value') limit 1; -- of ALTER TABLE, which says so itself
    if found and current_setting('session_replication_role') = 'origin'
            and coalesce(current_setting('mesh.ddl', true), '') not in ('on', 'local') then
        raise exception '% % would be gone on this node only', o.object_type, o.object_identity
            using hint = 'use manage.py migrate, or select mesh.run_ddl(''...''); for this node alone: set mesh.ddl = local';
    end if;
    if not exists (select from pg_event_trigger_dropped_objects() d where d.object_type = 'table' and d.schema_name = 'public') then
        return;
    end if;
    for o in update mesh.replicated r set rel = null
             from pg_event_trigger_dropped_objects() d where d.object_type = 'table' and d.objid = r.rel returning r.tbl loop
        delete from mesh.parked where tbl = o.tbl;
        delete from mesh.added where tbl = o.tbl;
        delete from mesh.renamed where tbl = o.tbl;
        for left_behind in select r.rel from mesh.reference g join mesh.replicated r on r.tbl = g.tbl
                           where g.to_tbl = o.tbl and r.rel is not null and g.tbl <> o.tbl loop
            perform mesh.attach(left_behind, false);
        end loop;
        delete from mesh.reference where tbl = o.tbl or to_tbl = o.tbl;
        for f in select p.oid::regprocedure as signature from pg_proc p where p.pronamespace = 'mesh'::regnamespace
                 and p.proname in (select mesh.function_name(k, o.tbl) from unnest(array['read', 'write', 'remove', 'merge', 'capture']) k) loop
            execute 'drop function ' || f.signature;
        end loop;
    end loop;
    perform mesh.write_dispatcher();
end $$;

drop event trigger if exists mesh_on_ddl;
create event trigger mesh_on_ddl on ddl_command_end execute function mesh.on_ddl();
drop event trigger if exists mesh_on_drop;
create event trigger mesh_on_drop on sql_drop execute function mesh.on_drop();
alter event trigger mesh_on_ddl enable always;
alter event trigger mesh_on_drop enable always;
select mesh.write_dispatcher();
