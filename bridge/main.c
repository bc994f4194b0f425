/* SPDX-License-Identifier: Apache-2.0 */
/* runnel-bridge: settings in, then the bridge runs. */
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <runnel/client.h>

#include "alloc.h"
#include "bridge.h"
#include "log.h"
#include "name_list.h"
#include "settings.h"

#define TOKEN_FILE_BYTES 4097
#define WEB_ROOT_MAX     4096

/* Targets of the settings. */
static const char *listen_address = "127.0.0.1:7480";
static const char *port_file;
static const char *core = RNL_ADDRESS_DEFAULT;
static const char *token;
static const char *token_file;
static bool core_tls;
static const char *core_tls_ca;
static const char *core_tls_name;
static const char *tls_cert;
static const char *tls_key;
static const char *ticket_key_file;
static const char *web_root;
static const char *cors_origins;
/* As browsers send them; owned. */
static char *cors_list;
static const char *allowed_hosts;
static bool http2;
static uint64_t max_request_rate = RNL_REQUEST_RATE_DEFAULT;
static uint64_t max_address_connections = RNL_ADDRESS_CONNECTIONS_DEFAULT;
static const char *log_level = "info";
static uint64_t threads = 1;
static uint64_t max_body_bytes = RNL_BODY_BYTES_DEFAULT;
static uint64_t max_connections = RNL_BRIDGE_CONNECTIONS_DEFAULT;
static uint64_t drain_grace_ms = 10000;
static uint64_t handshake_ms = 10000;
static uint64_t call_timeout_ms = RNL_CALL_MS_DEFAULT;

static const struct rnl_setting table[] = {
    {.name = "listen",
     .type = RNL_SETTING_TEXT,
     .target = &listen_address,
     .placeholder = "HOST:PORT",
     .help = "Where to serve HTTP; port 0 takes a free one.",
     .env = "RUNNEL_BRIDGE_LISTEN"},
    {.name = "port-file",
     .type = RNL_SETTING_TEXT,
     .target = &port_file,
     .placeholder = "FILE",
     .help = "Write the address to this file once it is served.",
     .env = "RUNNEL_BRIDGE_PORT_FILE"},
    {.name = "core",
     .type = RNL_SETTING_TEXT,
     .target = &core,
     .placeholder = "HOST:PORT",
     .help = "The core daemon, runneld; unix:PATH for its Unix socket."},
    {.name = "token",
     .type = RNL_SETTING_TEXT,
     .target = &token,
     .placeholder = "TOKEN",
     .help = "Token to show to the core. On the command line others can see\n"
             "      it: prefer the variable or --token-file.",
     .secret = true},
    {.name = "token-file",
     .type = RNL_SETTING_TEXT,
     .target = &token_file,
     .placeholder = "FILE",
     .help = "Read the token from the first line of this file."},
    {.name = "core-tls",
     .type = RNL_SETTING_FLAG,
     .target = &core_tls,
     .help = "Speak TLS with the core, whose certificate is checked."},
    {.name = "core-tls-ca",
     .type = RNL_SETTING_TEXT,
     .target = &core_tls_ca,
     .placeholder = "FILE",
     .help = "Certificates (PEM) to trust there, not the system's."},
    {.name = "core-tls-name",
     .type = RNL_SETTING_TEXT,
     .target = &core_tls_name,
     .placeholder = "NAME",
     .help = "The name in the core's certificate, if not that of --core."},
    {.name = "tls-cert",
     .type = RNL_SETTING_TEXT,
     .target = &tls_cert,
     .placeholder = "FILE",
     .help = "Certificate and its chain (PEM): serve HTTPS. SIGHUP reads it\n"
             "      again.",
     .env = "RUNNEL_BRIDGE_TLS_CERT"},
    {.name = "tls-key",
     .type = RNL_SETTING_TEXT,
     .target = &tls_key,
     .placeholder = "FILE",
     .help = "Its private key (PEM).",
     .env = "RUNNEL_BRIDGE_TLS_KEY"},
    {.name = "handshake-timeout",
     .type = RNL_SETTING_DURATION,
     .target = &handshake_ms,
     .min = 100,
     .max = 600000,
     .placeholder = "TIME",
     .help = "Time that a client has for the handshake of TLS."},
    {.name = "ticket-key-file",
     .type = RNL_SETTING_TEXT,
     .target = &ticket_key_file,
     .placeholder = "FILE",
     .help = "A secret of 32 bytes or more in its first line: bridges that\n"
             "      share it take each other's tickets. By default each makes\n"
             "      its own at its start."},
    {.name = "web-root",
     .type = RNL_SETTING_TEXT,
     .target = &web_root,
     .placeholder = "DIR",
     .help = "The console's files; none when the name is empty. By default\n"
             "      those installed with, or built next to, the program."},
    {.name = "threads",
     .type = RNL_SETTING_COUNT,
     .target = &threads,
     .min = 1,
     .max = 64,
     .placeholder = "COUNT",
     .help = "Workers, each with a loop and a connection to the core."},
    {.name = "max-body-bytes",
     .type = RNL_SETTING_BYTES,
     .target = &max_body_bytes,
     .min = 1024,
     .max = RNL_BODY_BYTES_MAX,
     .placeholder = "SIZE",
     .help = "Largest request body."},
    {.name = "max-connections",
     .type = RNL_SETTING_COUNT,
     .target = &max_connections,
     .min = 1,
     .max = 1000000,
     .placeholder = "COUNT",
     .help = "Open connections of a worker.",
     .env = "RUNNEL_BRIDGE_MAX_CONNECTIONS"},
    {.name = "call-timeout",
     .type = RNL_SETTING_DURATION,
     .target = &call_timeout_ms,
     .min = 10,
     .max = 3600000,
     .placeholder = "TIME",
     .help = "Time that the core has to answer a request."},
    {.name = "cors-origin",
     .type = RNL_SETTING_TEXT,
     .target = &cors_origins,
     .placeholder = "ORIGIN,...",
     .help = "Origins whose pages may use this bridge, or *."},
    {.name = "allowed-host",
     .type = RNL_SETTING_TEXT,
     .target = &allowed_hosts,
     .placeholder = "HOST,...",
     .help =
         "Names that the bridge answers to, besides those of this machine.\n"
         "      Without a token there are no others; with one, any."},
    {.name = "max-address-connections",
     .type = RNL_SETTING_COUNT,
     .target = &max_address_connections,
     .min = 0,
     .max = 1000000,
     .placeholder = "COUNT",
     .help =
         "Open connections of one address that is not this machine's, of a\n"
         "      worker; 0: no limit."},
    {.name = "max-request-rate",
     .type = RNL_SETTING_COUNT,
     .target = &max_request_rate,
     .min = 0,
     .max = 1000000,
     .placeholder = "COUNT",
     .help =
         "Requests a second of one token, or of an address that shows none\n"
         "      and is not this machine's; 0: no limit."},
    {.name = "http2",
     .type = RNL_SETTING_FLAG,
     .target = &http2,
     .help = "Refused: HTTP/2 is the work of a proxy in front."},
    {.name = "drain-grace",
     .type = RNL_SETTING_DURATION,
     .target = &drain_grace_ms,
     .min = 1,
     .max = 3600000,
     .placeholder = "TIME",
     .help = "After SIGTERM, time that requests have to end."},
    {.name = "log-level",
     .type = RNL_SETTING_TEXT,
     .target = &log_level,
     .placeholder = "LEVEL",
     .help = "debug, info, warn or error."},
};

static bool is_directory(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

/* The console's place seen from the program: installed as PREFIX/bin and
 * PREFIX/share/runnel/web, or built as build/PRESET/bin and build/web. */
static const char *find_web_root(char out[WEB_ROOT_MAX])
{
    static const char *const places[] = {"../share/runnel/web", "../../web"};
    char exe[WEB_ROOT_MAX / 2];
    ssize_t len = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
    if (len <= 0)
        return NULL;
    exe[len] = '\0';
    const char *dir = dirname(exe);
    for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
        snprintf(out, WEB_ROOT_MAX, "%s/%s", dir, places[i]);
        if (is_directory(out))
            return out;
    }
    return NULL;
}

static const char *check_web_root(char out[WEB_ROOT_MAX])
{
    if (web_root == NULL) {
        web_root = find_web_root(out);
        return NULL;
    }
    if (*web_root == '\0') {
        web_root = NULL;
        return NULL;
    }
    return is_directory(web_root) ? NULL : "web-root: is not a directory";
}

/* The options have other names here than in the library. */
static const char *name_core_fault(const char *fault)
{
    static char text[512];
    static const char ca[] = "tls_ca_file";
    if (fault == NULL)
        return NULL;
    if (strncmp(fault, ca, strlen(ca)) == 0)
        snprintf(text, sizeof(text), "core-tls-ca %.300s%s", core_tls_ca,
                 fault + strlen(ca));
    else
        snprintf(text, sizeof(text), "core-tls-name: %s", fault);
    return text;
}

/* How the core is reached. A CA or a name says that it is by TLS. */
static const char *check_core(void)
{
    struct rnl_client_options options = RNL_OPTIONS_INIT(options);
    if (core_tls_ca != NULL || core_tls_name != NULL)
        core_tls = true;
    options.tls = core_tls;
    options.tls_ca_file = core_tls_ca;
    options.tls_server_name = core_tls_name;
    return name_core_fault(rnl_client_options_fault(&options));
}

/* Returns NULL or what is wrong. */
static const char *make_ticket_key(uint8_t ret_key[RNL_TICKET_KEY_SIZE])
{
    char secret[TOKEN_FILE_BYTES];
    bool made;
    if (ticket_key_file == NULL)
        return RAND_bytes(ret_key, RNL_TICKET_KEY_SIZE) == 1
                   ? NULL
                   : "the system gives no random numbers";
    made = rnl_settings_read_secret(ticket_key_file, secret, sizeof(secret)) ==
               NULL &&
           rnl_ticket_key(secret, ret_key);
    OPENSSL_cleanse(secret, sizeof(secret));
    return made ? NULL
                : "ticket-key-file: cannot be read, or its first line is not "
                  "a secret of 32 to 4096 bytes";
}

/* Returns NULL or what is wrong. */
static const char *check_lists(void)
{
    static char wrong[RNL_NAME_LIST_ERROR_MAX + 32];
    char error[RNL_NAME_LIST_ERROR_MAX];
    if (allowed_hosts != NULL && *allowed_hosts == '\0')
        allowed_hosts = NULL;
    if (allowed_hosts != NULL &&
        !rnl_name_list_is_hosts(allowed_hosts, error)) {
        snprintf(wrong, sizeof(wrong), "allowed-host: %s", error);
        return wrong;
    }
    if (cors_origins != NULL) {
        cors_list = rnl_name_list_origins(cors_origins, error);
        snprintf(wrong, sizeof(wrong), "cors-origin: %s", error);
    }
    return cors_origins == NULL || cors_list != NULL ? NULL : wrong;
}

/* What the table cannot say. Returns NULL or what is wrong. */
static const char *check(void)
{
    static char token_text[TOKEN_FILE_BYTES];
    static char web_root_text[WEB_ROOT_MAX];
    char host[256];
    uint16_t port;
    enum rnl_log_level level;
    if (!rnl_settings_split_address(listen_address, host, sizeof(host), &port))
        return "listen: must be HOST:PORT or [HOST]:PORT";
    if (!rnl_log_level_parse(log_level, &level))
        return "log-level: must be debug, info, warn or error";
    rnl_log_set_level(level);
    if (http2)
        return "http2: is not served, since libh2o 2.2.5 does not withstand "
               "floods of its frames; put a proxy in front that speaks it "
               "(docs/rest.md has one for nginx)";
    if ((tls_cert == NULL) != (tls_key == NULL))
        return "tls-cert and tls-key: give both, or none";
    const char *wrong = check_core();
    if (wrong != NULL)
        return wrong;
    if (token_file != NULL) {
        if (rnl_settings_read_secret(token_file, token_text,
                                     sizeof(token_text)) != NULL)
            return "token-file: cannot be read, or its first line is not a "
                   "token of 1 to 4096 bytes";
        token = token_text;
    }
    if (token != NULL && *token == '\0')
        token = NULL;
    wrong = check_lists();
    return wrong != NULL ? wrong : check_web_root(web_root_text);
}

static int refuse(const char *reason)
{
    fprintf(stderr, "runnel-bridge: %s\n", reason);
    return 2;
}

static void fill_bridge(struct rnl_bridge *ret_bridge)
{
    *ret_bridge = (struct rnl_bridge){
        .listen = listen_address,
        .port_file = port_file,
        .core = core,
        .token = token,
        .core_tls = core_tls,
        .core_tls_ca = core_tls_ca,
        .core_tls_name = core_tls_name,
        .tls_cert = tls_cert,
        .tls_key = tls_key,
        .web_root = web_root,
        .cors_origins = cors_list,
        .allowed_hosts = allowed_hosts,
        .max_request_rate = max_request_rate,
        .max_address_connections = max_address_connections,
        .threads = (uint32_t)threads,
        .max_body_bytes = max_body_bytes,
        .max_connections = max_connections,
        .drain_grace_ms = drain_grace_ms,
        .handshake_ms = handshake_ms,
        .call_timeout_ms = call_timeout_ms,
    };
}

static int run(enum rnl_settings_result loaded)
{
    struct rnl_bridge bridge;
    const char *wrong = check();
    if (wrong != NULL)
        return refuse(wrong);
    fill_bridge(&bridge);
    wrong = make_ticket_key(bridge.ticket_key);
    if (wrong != NULL)
        return refuse(wrong);
    if (loaded == RNL_SETTINGS_CHECK) {
        puts("the settings are valid");
        return EXIT_SUCCESS;
    }
    return rnl_bridge_run(&bridge);
}

int main(int argc, char **argv)
{
    struct rnl_settings settings = {
        .program = "runnel-bridge",
        .version = RNL_VERSION,
        .summary = "Serves Runnel as REST, server-sent events and a console.",
        .env_prefix = "RUNNEL",
        .table = table,
        .count = sizeof(table) / sizeof(table[0]),
    };
    enum rnl_settings_result loaded =
        rnl_settings_load(&settings, argc, argv, environ);
    int status = EXIT_SUCCESS;
    if (loaded == RNL_SETTINGS_ERROR)
        status = refuse(settings.error);
    else if (loaded != RNL_SETTINGS_DONE)
        status = run(loaded);
    rnl_free(cors_list);
    rnl_settings_fini(&settings);
    return status;
}
