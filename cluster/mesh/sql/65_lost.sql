-- What people lost: to a concurrent change of the same row, or because another row holds a unique value of theirs.
-- Read and undone by `clusterctl conflicts` and by the admin (webapp/recovery).

-- (Functions in a view run with the rights of who reads it, tables with its owner's: hence none here.)
create or replace view mesh.lost as
with words(kind, word) as (values ('I'::"char", 'an insert'), ('U', 'an update'), ('D', 'a delete'), ('T', 'a truncate'))
select c.loser_origin || ':' || c.loser_seq as id, c.tbl, c.key,
    case when c.winner_kind is null then 'an update of a row that was deleted'
         else (select word from words w where w.kind = c.loser_kind) || ' lost to ' || (select word from words w where w.kind = c.winner_kind) end as what,
    c.loser_kind::text as kind, c.loser_row as lost, to_timestamp(c.loser_hlc / 1e6) as lost_at,
    c.loser_origin as lost_node, c.loser_actor as lost_actor,
    c.winner_kind::text as winner_kind, c.winner_row as won, to_timestamp(c.winner_hlc / 1e6) as won_at,
    c.winner_origin as won_node, c.winner_actor as won_actor,
    -- Of the newer of the two: a delete wins also over an update that comes after it.
    case when c.winner_hlc is not null then greatest(c.winner_hlc, c.loser_hlc) end as winner_hlc, null::text as detail, c.noticed_at
from mesh.conflict c where c.loser_kind <> 'T'
union all
select 'parked:' || p.tbl || ':' || p.key, p.tbl, p.key,
    case p.reason when 'clash' then 'another row holds a unique value' else 'the row it refers to is not there' end,
    'I', p.row, to_timestamp(v.hlc / 1e6), v.origin, v.actor,
    null, null, null, null, null, null, p.detail, p.since
from mesh.parked p left join lateral (
    select c.hlc, c.origin, c.actor from mesh.change c where c.tbl = p.tbl and c.key = p.key order by c.hlc desc, c.origin desc limit 1) v on true
where p.reason in ('clash', 'orphan') and p.row is not null;

-- The statement that writes again what was lost, as an ordinary change; no statement: the row is so already.
--
-- columns: only these of the lost values (null: all). given: values to write instead or besides, text forms by column.
-- anyway: also if the row was changed after the change that won. Raises MB020 with the reason, for a person, when it can't be.
create or replace function mesh.restoration(a_id text, columns text[], given jsonb, anyway boolean,
                                            out statement text, out now_row jsonb, out then_row jsonb)
language plpgsql security definer set search_path = pg_catalog, pg_temp set timezone = 'UTC' set datestyle = 'ISO'
set intervalstyle = 'postgres' set extra_float_digits = 1 set bytea_output = 'hex'
as $$
declare l mesh.lost; r mesh.replicated; parked jsonb; wanted jsonb; unknown text; types jsonb; at_key text; v record; waits boolean;
begin
    select * into l from mesh.lost where id = a_id;
    waits := a_id like 'parked:%';
    if not found then
        raise exception using errcode = 'MB020', message = case when waits
            then 'this row no longer waits: it is in its table, or deleted' else format('no conflict %s is known here', a_id) end;
    end if;
    select * into r from mesh.replicated where tbl = l.tbl;
    if r.rel is null then
        raise exception using errcode = 'MB020', message = format('table %s was dropped', l.tbl);
    end if;
    select jsonb_object_agg(c.name, c.type) into types from mesh.columns_of(r.rel) c;
    select string_agg(k, ', ' order by k) into unknown from (
        select unnest(columns) k union select jsonb_object_keys(given)) x where not types ? k;
    if unknown is not null then
        raise exception using errcode = 'MB020', message = format('table %s has no column %s', l.tbl, unknown);
    end if;
    now_row := mesh.call_read(l.tbl, l.key);     -- locks it until the statement has run
    select p.row into parked from mesh.parked p where p.tbl = l.tbl and p.key = l.key;
    select coalesce(jsonb_object_agg(k.key, k.value), '{}') into wanted from jsonb_each(coalesce(l.lost, '{}')) k
        where types ? k.key and (columns is null or k.key = any (columns));
    wanted := wanted || coalesce(given, '{}');
    if exists (select from unnest(r.key_columns) k where given ? k) then
        raise exception using errcode = 'MB020', message = 'a row''s key can''t be changed: enter it as a new row';
    end if;

    if l.kind = 'D' then
        if now_row is null then
            return;
        end if;
    elsif now_row is not null then
        then_row := now_row || wanted;
        if then_row = now_row then
            return;
        end if;
    else
        then_row := coalesce(parked, case when l.winner_kind = 'D' then l.won when l.kind = 'I' then l.lost end) || wanted;
        if then_row is null then
            raise exception using errcode = 'MB020', message = 'the row is deleted, and what its other columns held is not known any more';
        end if;
    end if;
    v := mesh.version_of(l.tbl, l.key);
    if not coalesce(anyway, false) and not waits and v.hlc > l.winner_hlc then
        raise exception using errcode = 'MB020',
            message = format('the row was changed again at %s, after the change that won', to_char(to_timestamp(v.hlc / 1e6), 'YYYY-MM-DD HH24:MI:SS "UTC"'));
    end if;

    if now_row is not null then
        select string_agg(format('t.%I = %L::%s', k, now_row->>k, types->>k), ' and ') into at_key from unnest(r.key_columns) k;
    end if;
    if then_row is null then
        statement := format('delete from %s t where %s', r.rel::regclass, at_key);
    elsif now_row is not null then
        select format('update %s t set %s where %s', r.rel::regclass,
                string_agg(format('%I = %L::%s', k, then_row->>k, types->>k), ', ' order by k), at_key)
            into statement from jsonb_object_keys(then_row) k where then_row->k is distinct from now_row->k;
    else
        select format('insert into %s (%s) overriding system value values (%s)', r.rel::regclass,
                string_agg(format('%I', k), ', ' order by k), string_agg(format('%L::%s', then_row->>k, types->>k), ', ' order by k))
            into statement from jsonb_object_keys(then_row) k where types ? k;
    end if;
end $$;

-- Do it, with the rights of who calls: an ordinary change, logged under mesh.actor. Returns whether anything was written.
create or replace function mesh.restore_lost(a_id text, columns text[], given jsonb, anyway boolean) returns boolean
language plpgsql set timezone = 'UTC' set datestyle = 'ISO' set intervalstyle = 'postgres' as $$
declare what record;
begin
    what := mesh.restoration(a_id, columns, given, anyway);
    if what.statement is null then
        return false;
    end if;
    execute what.statement;
    return true;
end $$;

grant select on mesh.lost to {app_role};
grant execute on function mesh.restoration(text, text[], jsonb, boolean), mesh.restore_lost(text, text[], jsonb, boolean) to {app_role};
