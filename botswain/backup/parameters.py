"""What follows the ? of a database's URL: for libpq, in another spelling, or for the bot's library alone."""

from __future__ import annotations

from collections.abc import Mapping

LIBPQ: Mapping[str, str] = {
    "application_name": "PGAPPNAME",
    "channel_binding": "PGCHANNELBINDING",
    "connect_timeout": "PGCONNECT_TIMEOUT",
    "gssdelegation": "PGGSSDELEGATION",
    "gssencmode": "PGGSSENCMODE",
    "gsslib": "PGGSSLIB",
    "hostaddr": "PGHOSTADDR",
    "krbsrvname": "PGKRBSRVNAME",
    "load_balance_hosts": "PGLOADBALANCEHOSTS",
    "max_protocol_version": "PGMAXPROTOCOLVERSION",
    "min_protocol_version": "PGMINPROTOCOLVERSION",
    "options": "PGOPTIONS",
    "require_auth": "PGREQUIREAUTH",
    "requirepeer": "PGREQUIREPEER",
    "ssl_max_protocol_version": "PGSSLMAXPROTOCOLVERSION",
    "ssl_min_protocol_version": "PGSSLMINPROTOCOLVERSION",
    "sslcert": "PGSSLCERT",
    "sslcertmode": "PGSSLCERTMODE",
    "sslcompression": "PGSSLCOMPRESSION",
    "sslcrl": "PGSSLCRL",
    "sslcrldir": "PGSSLCRLDIR",
    "sslkey": "PGSSLKEY",
    "sslmode": "PGSSLMODE",
    "sslnegotiation": "PGSSLNEGOTIATION",
    "sslrootcert": "PGSSLROOTCERT",
    "sslsni": "PGSSLSNI",
    "target_session_attrs": "PGTARGETSESSIONATTRS",
}
"""Parameters, and the variables by which libpq knows them."""

SPELLINGS: Mapping[str, str] = {
    "applicationname": "application_name",
    "database": "dbname",
    "passwd": "password",
    "ssl": "sslmode",
    "ssl-cert": "sslcert",
    "ssl-key": "sslkey",
    "ssl-mode": "sslmode",
    "ssl-root-cert": "sslrootcert",
    "sslca": "sslrootcert",
    "username": "user",
}
"""How sqlx, JDBC, asyncpg and others write the same."""

_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_MODE_SPELLINGS: Mapping[str, str] = {
    "": "require", "0": "disable", "1": "require", "false": "disable", "no": "disable", "no-verify": "require",
    "off": "disable", "on": "require", "true": "require", "verify_ca": "verify-ca", "verify_full": "verify-full",
    "verifyca": "verify-ca", "verifyfull": "verify-full", "yes": "require",
}  # fmt: skip
"""node-postgres has no-verify, JDBC and asyncpg true and false."""

_LIBRARIES = """
    pgbouncer connection_limit pool_timeout socket_timeout max_idle_connection_lifetime sslaccept sslidentity
    sslpassword statement_cache_size single_use_connections schema
    prepared_statement_cache_size prepared_statement_name_func async_fallback json_serializer client_encoding
    executemany_mode use_insertmanyvalues plugin pool_size max_overflow pool_pre_ping pool_recycle echo
    command_timeout server_settings max_cacheable_statement_size max_cached_statement_lifetime direct_tls passfile
    min_size max_size minsize maxsize max_queries max_inactive_connection_lifetime timeout max_lifetime
    conn_max_age conn_health_checks disable_server_side_cursors atomic_requests charset encoding search_path
    ssl_require server_side_binding assume_role
    uselibpqcompat keepalive keepalives keepalives_idle keepalives_interval keepalives_count tcp_user_timeout
    keepaliveinitialdelaymillis connectiontimeoutmillis idletimeoutmillis query_timeout statement_timeout lock_timeout
    idle_in_transaction_session_timeout fallback_application_name binary parsedate
    pool max min idle acquire evict poolsize native dialect dialectmodule logging synchronize entities migrations extra
    applicationversion connecttimeoutms usetoken
    max_lifetime idle_timeout prepare fetch_types backoff debug publications connection transform
    pool_max_conns pool_min_conns pool_min_idle_conns pool_max_conn_lifetime pool_max_conn_lifetime_jitter
    pool_max_conn_idle_time pool_health_check_period default_query_exec_mode description_cache_capacity
    statement_cache_capacity statement-cache-capacity statement_cache_mode sslinline sslpassword servicefile service
    binary_parameters disable_prepared_binary_result krbspn timezone datestyle
    currentschema preparethreshold preparedstatementcachequeries preparedstatementcachesizemib rewritebatchedinserts
    stringtype tcpkeepalive sockettimeout logintimeout connecttimeout canceltimeout sslfactory sslhostnameverifier
    targetservertype loadbalancehosts autosave defaultrowfetchsize readonly loggerlevel prefersimplequerymode
    maximumpoolsize minimumidle pooling sslresponsetimeout
    supa workaround pool_mode pgbouncer_mode sslcertdir replication
"""
KNOWN_TO_LIBRARIES = frozenset(_LIBRARIES.split())
"""What Prisma, SQLAlchemy, asyncpg, Tortoise, Django, node-postgres, postgres.js, Sequelize, TypeORM, pgx, lib/pq,
sqlx, JDBC, Vercel and Supabase add for themselves. Lower case: some of them take any."""


def mode(value: str) -> str | None:
    """The sslmode of libpq that a library's word means; None for no such word."""
    word = value.lower()
    return word if word in _MODES else _MODE_SPELLINGS.get(word)
