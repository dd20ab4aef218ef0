"""What surrounds a database and is not in its dump, as data: owners, grants, roles, settings, default privileges.

A dump is restored by a role that is no superuser, so it cannot give anything to others. What only a superuser may do
is done afterwards, by SQL of our own: names come from the backup as values, and the server quotes them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "RESTORER",
    "around_sql",
    "create_roles_sql",
    "extensions_sql",
    "genuine_sql",
    "give_back_sql",
    "literal",
    "missing_roles_sql",
    "own_jobs_sql",
    "roles_sql",
    "settings_sql",
]


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"'{name}'" for name in names)


RESTORER = "run_claude_restorer"  # owns what is restored until it is complete

_GRANTS = """(SELECT coalesce(json_agg(json_build_object('grantee', CASE WHEN x.grantee = 0 THEN '' ELSE
  pg_get_userbyid(x.grantee) END, 'privilege', x.privilege_type, 'grantable', x.is_grantable)), '[]'::json)
  FROM aclexplode({acl}) x)"""

_AROUND = f"""
SELECT json_build_object('around', json_build_object(
  'owner', pg_get_userbyid(d.datdba), 'encoding', pg_encoding_to_char(d.encoding),
  'collate', d.datcollate, 'ctype', d.datctype, 'comment', coalesce(shobj_description(d.oid, 'pg_database'), ''),
  'settings', coalesce((SELECT json_agg(s) FROM pg_db_role_setting c, unnest(c.setconfig) s
    WHERE c.setdatabase = d.oid AND c.setrole = 0), '[]'::json),
  'grants', CASE WHEN d.datacl IS NULL THEN NULL ELSE {_GRANTS.format(acl="d.datacl")} END,
  'extensions', (SELECT json_agg(json_build_object('name', e.extname, 'schema', n.nspname))
    FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace),
  'owners', (SELECT coalesce(json_agg(json_build_object('type', a.type, 'names', a.object_names,
      'args', a.object_args, 'owner', r.rolname)), '[]'::json)
    FROM pg_shdepend s JOIN pg_roles r ON r.oid = s.refobjid
    CROSS JOIN LATERAL pg_identify_object_as_address(s.classid, s.objid, s.objsubid) a
    WHERE s.deptype = 'o' AND s.dbid = d.oid AND a.type <> 'default acl' AND a.object_names[1] !~ '^_timescaledb'
      AND NOT EXISTS (SELECT 1 FROM pg_depend p WHERE p.classid = s.classid AND p.objid = s.objid
        AND p.deptype IN ('a', 'i', 'e') AND (p.deptype = 'e' OR p.refobjsubid > 0))),
  'defaults', (SELECT coalesce(json_agg(json_build_object('role', pg_get_userbyid(f.defaclrole),
      'schema', coalesce(n.nspname, ''), 'kind', f.defaclobjtype, 'grants', {_GRANTS.format(acl="f.defaclacl")})),
      '[]'::json) FROM pg_default_acl f LEFT JOIN pg_namespace n ON n.oid = f.defaclnamespace)
)) FROM pg_database d WHERE d.datname = current_database();
"""  # noqa: S608 (our own text)

_ROLES = f"""
SELECT json_build_object('role', r.rolname, 'login', r.rolcanlogin, 'inherit', r.rolinherit,
  'createdb', r.rolcreatedb, 'limit', r.rolconnlimit, 'superuser', r.rolsuper,
  'verifier', CASE WHEN r.rolpassword LIKE 'SCRAM-SHA-256$%' THEN r.rolpassword ELSE '' END,
  'member_of', (SELECT coalesce(json_agg(g.rolname), '[]'::json) FROM pg_auth_members m
    JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid))
FROM pg_authid r WHERE r.oid >= 16384 AND r.rolname <> '{RESTORER}' ORDER BY r.rolname;
"""  # noqa: S608 (our own text)

# Of PostgreSQL's own roles, those that give no way to a file, a program or the superuser. Who may write all data may
# write TimescaleDB's table of jobs, and have one run as anybody.
_HARMLESS = (
    "pg_maintain",
    "pg_monitor",
    "pg_read_all_data",
    "pg_read_all_settings",
    "pg_read_all_stats",
    "pg_stat_scan_tables",
)
_POWERFUL = (
    *("pg_execute_server_program", "pg_read_server_files", "pg_write_server_files", "pg_write_all_data"),
    *("pg_create_subscription", "pg_signal_backend", "pg_use_reserved_connections"),
)
_OWNABLE = (
    *("aggregate", "collation", "foreign table", "function", "large object", "materialized view", "operator"),
    *("procedure", "schema", "sequence", "statistics object", "table", "type", "view"),
)
_KINDS = {"r": "TABLES", "S": "SEQUENCES", "f": "FUNCTIONS", "T": "TYPES", "n": "SCHEMAS"}


# Of a role `r`: it is no superuser, and may not act as one, nor reach files and programs.
_MAY_OWN = f"""(NOT r.rolsuper AND (r.rolname NOT LIKE 'pg\\_%' OR r.rolname = 'pg_database_owner')
  AND NOT EXISTS (SELECT FROM pg_roles x WHERE (x.rolsuper OR x.rolname = ANY (ARRAY[{_quoted(_POWERFUL)}]))
    AND pg_has_role(r.oid, x.oid, 'MEMBER')))"""
_CALLED = _quoted(
    (
        "public.timescaledb_post_restore()",
        "_timescaledb_functions.start_background_workers()",
        "_timescaledb_functions.stop_background_workers()",
    )
)


def around_sql() -> str:
    """Return SQL that describes what surrounds the connected database."""
    return _AROUND


def roles_sql() -> str:
    """Return SQL that lists the roles of the server, one a line, without PostgreSQL's own."""
    return _ROLES


def missing_roles_sql(roles: Sequence[Mapping[str, Any]]) -> str:
    """Return SQL that lists those of the roles that are not there, each as JSON on a line."""
    wanted = f"json_to_recordset({literal(roles)}) AS w(role text)"
    return f"SELECT to_json(role) FROM {wanted} WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role);\n"  # noqa: S608


def create_roles_sql(roles: Sequence[Mapping[str, Any]]) -> str:
    """Return SQL that creates the roles that are missing. One that is there stays as it is.

    None becomes a superuser, or may make itself one: what it may own, and what it is granted, comes back.
    """
    return f"""
BEGIN;
CREATE TEMP TABLE wanted AS SELECT * FROM json_to_recordset({literal(roles)}) AS w(role text, login bool, inherit bool,
  createdb bool, "limit" int, verifier text, member_of text[])
  WHERE NOT EXISTS (SELECT 1 FROM pg_roles r WHERE r.rolname = w.role);
SELECT format('CREATE ROLE %I %s %s %s CONNECTION LIMIT %s%s', role, CASE WHEN login THEN 'LOGIN' ELSE 'NOLOGIN' END,
  CASE WHEN inherit THEN 'INHERIT' ELSE 'NOINHERIT' END, CASE WHEN createdb THEN 'CREATEDB' ELSE 'NOCREATEDB' END,
  "limit", CASE WHEN verifier LIKE 'SCRAM-SHA-256$%' THEN format(' PASSWORD %L', verifier) ELSE '' END)
FROM wanted \\gexec
SELECT format('GRANT %I TO %I', g, w.role) FROM wanted w, unnest(w.member_of) g JOIN pg_roles r ON r.rolname = g
WHERE NOT r.rolsuper AND (g = ANY ({_array(_HARMLESS)}) OR g IN (SELECT role FROM wanted)) \\gexec
COMMIT;
"""  # noqa: S608 (values are quoted, here and by the server)


def extensions_sql(extensions: Sequence[Mapping[str, Any]], owner: str) -> str:
    """Return SQL that creates those extensions that only a superuser may create; the dump creates the others.

    It answers with the schemas that it has created for them.

    :param owner: of these schemas
    """
    return f"""
CREATE TEMP TABLE missing AS SELECT e.name, e.schema
  FROM json_to_recordset({literal(extensions)}) AS e(name text, schema text)
  WHERE NOT EXISTS (SELECT 1 FROM pg_extension p WHERE p.extname = e.name)
    AND NOT EXISTS (SELECT 1 FROM pg_available_extension_versions v WHERE v.name = e.name AND v.trusted);
DELETE FROM missing WHERE schema IS NULL OR schema ~ '^(pg_|_timescaledb)' AND schema <> 'pg_catalog';
SELECT DISTINCT schema FROM missing WHERE schema NOT IN ('public', 'pg_catalog');
SELECT format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION {owner}', schema) FROM missing
WHERE schema NOT IN ('public', 'pg_catalog') \\gexec
SELECT format('CREATE EXTENSION IF NOT EXISTS %I SCHEMA %I CASCADE', name, schema) FROM missing \\gexec
"""  # noqa: S608 (values are quoted, here and by the server)


def settings_sql(database: str, around: Mapping[str, Any]) -> str:
    """Return SQL that sets what the database's sessions begin with, for the restorer: as far as an owner may."""
    return f"""
DO $run_claude$ DECLARE name text; value text; change text; BEGIN
  FOR name, value, change IN
    SELECT split_part(s, '=', 1), substr(s, strpos(s, '=') + 1),
      format('ALTER DATABASE %I SET %I FROM CURRENT', {literal(database)}::json #>> '{{}}', split_part(s, '=', 1))
    FROM json_array_elements_text({literal(around.get("settings") or [])}) s
  LOOP
    BEGIN
      PERFORM pg_catalog.set_config(name, value, true);
      EXECUTE change;
    EXCEPTION WHEN insufficient_privilege OR undefined_object OR invalid_parameter_value THEN NULL;
    END;
    PERFORM pg_catalog.set_config('search_path', 'pg_catalog', true);
  END LOOP;
END $run_claude$;
"""  # noqa: S608 (values are quoted)


def give_back_sql(
    database: str, around: Mapping[str, Any], *, otherwise: str, owner: str = "", as_superuser: bool = False
) -> str:
    """Return SQL that gives everything that the restorer owns in the connected database to its owners of before.

    Never to the superuser, nor to a role that may run programs: functions run as their owner, and those of an index
    whenever its table is analyzed.

    :param otherwise: who gets what has no such owner
    :param owner: of the database; by default its owner of before
    :param as_superuser: whether it was restored by the superuser, with the owners of its objects
    """
    restorer = f"REASSIGN OWNED BY {RESTORER} TO {otherwise};\nDROP OWNED BY {RESTORER};" if not as_superuser else ""
    name = f"({literal(database)}::json #>> '{{}}')"
    return f"""
{restorer}
SELECT format('ALTER %s %s OWNER TO %I', CASE WHEN i.type IN ('function', 'procedure', 'aggregate') THEN 'ROUTINE'
    WHEN i.type = 'statistics object' THEN 'STATISTICS' ELSE upper(i.type) END, i.identity, o.owner)
FROM json_to_recordset({literal(around.get("owners") or [])}) AS o(type text, names text[], args text[], owner text)
  JOIN pg_roles r ON r.rolname = o.owner AND {_MAY_OWN}
  CROSS JOIN LATERAL pg_get_object_address(o.type, o.names, o.args) a
  CROSS JOIN LATERAL pg_identify_object(a.classid, a.objid, a.objsubid) i
WHERE o.type = ANY ({_array(_OWNABLE)}) \\gexec
{"".join(_default_sql(row) for row in around.get("defaults") or [])}
SELECT format('ALTER DATABASE %I OWNER TO %I', {name}, coalesce((SELECT rolname FROM pg_roles r
  WHERE rolname = {literal(owner or around.get("owner") or "")}::json #>> '{{}}' AND ({_MAY_OWN} OR r.oid = 10)),
  '{otherwise}')) \\gexec
SELECT format('COMMENT ON DATABASE %I IS %L', {name}, c)
FROM (SELECT {literal(around.get("comment") or "")}::json #>> '{{}}') AS t(c) WHERE c <> '' \\gexec
{_database_grants_sql(name, around.get("grants"))}
"""  # noqa: S608 (values are quoted, here and by the server)


def genuine_sql() -> str:
    """Return SQL that fails unless TimescaleDB is as its image has it, where somebody's dump was read in.

    The superuser calls its functions and writes its table: whoever owns the database could have put others there.
    """
    return f"""
DO $run_claude$ BEGIN
  IF EXISTS (
    SELECT FROM unnest(ARRAY[{_CALLED}]) AS called(name)
    WHERE NOT EXISTS (SELECT FROM pg_proc p JOIN pg_depend d ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid
        JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND e.oid = d.refobjid
      WHERE p.oid = to_regprocedure(name) AND p.proowner = 10 AND d.deptype = 'e' AND e.extname = 'timescaledb')
  ) OR NOT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass('_timescaledb_config.bgw_job')
    AND relowner = 10 AND relkind = 'r' AND NOT relhasrules
  ) OR EXISTS (SELECT FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid
    WHERE c.relowner = 10 AND NOT t.tgisinternal AND c.relnamespace::regnamespace::text LIKE '\\_timescaledb\\_%'
      AND NOT EXISTS (SELECT FROM pg_proc p WHERE p.oid = t.tgfoid AND p.proowner = 10)
  ) OR EXISTS (SELECT FROM pg_namespace WHERE nspname LIKE '\\_timescaledb\\_%' AND nspowner <> 10)
  THEN RAISE EXCEPTION 'it changes TimescaleDB itself'; END IF;
END $run_claude$;
"""  # noqa: S608 (our own text)


def own_jobs_sql(owner: str) -> str:
    """Return SQL that names TimescaleDB's jobs that ran as a superuser, and has them run as another role."""
    return f"""
UPDATE _timescaledb_config.bgw_job SET owner = '{owner}' FROM pg_roles r
WHERE r.oid = owner AND id >= 1000 AND NOT ({_MAY_OWN})
RETURNING format('%s (%I.%I)', id, proc_schema, proc_name);
"""  # noqa: S608 (our own text)


def _default_sql(row: Mapping[str, Any]) -> str:
    """Return SQL for one entry of default privileges. One without a schema replaces PostgreSQL's own defaults."""
    kind = _KINDS.get(str(row.get("kind")))
    if kind is None:
        return ""
    role, schema = f"({literal(row.get('role'))}::json #>> '{{}}')", f"({literal(row.get('schema'))}::json #>> '{{}}')"
    inside = f"CASE WHEN {schema} = '' THEN '' ELSE format(' IN SCHEMA %I', {schema}) END"
    head = f"format('ALTER DEFAULT PRIVILEGES FOR ROLE %I', {role}) || {inside}"
    known = f"EXISTS (SELECT 1 FROM pg_roles WHERE rolname = {role})"  # noqa: S608 (our own text)
    grants = literal(row.get("grants") or [])
    return f"""
SELECT {head} || format(' REVOKE ALL ON {kind} FROM PUBLIC, %I', {role}) WHERE {schema} = '' AND {known} \\gexec
SELECT {head} || format(' GRANT %s ON {kind} TO %s%s', g.privilege, CASE WHEN g.grantee = '' THEN 'PUBLIC'
  ELSE quote_ident(g.grantee) END, CASE WHEN g.grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM json_to_recordset({grants}) AS g(grantee text, privilege text, grantable bool) WHERE {known}
  AND g.privilege ~ '^[A-Z]+$' AND (g.grantee = '' OR g.grantee IN (SELECT rolname FROM pg_roles)) \\gexec
"""  # noqa: S608 (values are quoted, here and by the server)


def _database_grants_sql(name: str, grants: Iterable[Mapping[str, Any]] | None) -> str:
    if grants is None:
        return ""
    return f"""
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', {name}) \\gexec
SELECT format('GRANT %s ON DATABASE %I TO %s%s', g.privilege, {name}, CASE WHEN g.grantee = '' THEN 'PUBLIC'
  ELSE quote_ident(g.grantee) END, CASE WHEN g.grantable THEN ' WITH GRANT OPTION' ELSE '' END)
FROM json_to_recordset({literal(list(grants))}) AS g(grantee text, privilege text, grantable bool)
WHERE g.privilege IN ('CREATE', 'CONNECT', 'TEMPORARY')
  AND (g.grantee = '' OR EXISTS (SELECT 1 FROM pg_roles WHERE rolname = g.grantee)) \\gexec
"""  # noqa: S608


def literal(value: object) -> str:
    """Return a value as an SQL literal of JSON: one line of ASCII, and no dollar sign that could end a quotation."""
    return "'" + json.dumps(value).replace("'", "''").replace("$", "\\u0024") + "'"


def _array(names: Iterable[str]) -> str:
    return f"ARRAY[{_quoted(names)}]"
