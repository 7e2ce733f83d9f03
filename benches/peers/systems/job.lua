-- The job in nginx: an RS256 token (remembered once checked), a scope and a tenant's limit (GCRA, in the one worker's memory).
local ffi = require "ffi"
local cjson = require "cjson.safe"
local lrucache = require "resty.lrucache"

ffi.cdef[[
typedef struct bio_st BIO;
typedef struct evp_pkey_st EVP_PKEY;
typedef struct evp_md_ctx_st EVP_MD_CTX;
BIO *BIO_new_mem_buf(const void *bytes, int length);
EVP_PKEY *PEM_read_bio_PUBKEY(BIO *from, EVP_PKEY **into, void *callback, void *data);
EVP_MD_CTX *EVP_MD_CTX_new(void);
void EVP_MD_CTX_free(EVP_MD_CTX *context);
const void *EVP_sha256(void);
int EVP_DigestVerifyInit(EVP_MD_CTX *context, void **pkey, const void *digest, void *engine, EVP_PKEY *key);
int EVP_DigestVerify(EVP_MD_CTX *context, const char *signature, size_t signature_length, const char *signed_part, size_t length);
]]

local INTERVAL, BURST = 1e-6, 1
local SCOPES = { list = "paas.core.entity_customers.list.get", one = "paas.core.breb_payments.get" }
local job = {}
local key, issuer, audience
local known = lrucache.new(10000)
local limits = {}

function job.open(path, iss, aud)
    local file = assert(io.open(path))
    local pem = file:read("*a")
    file:close()
    key = ffi.C.PEM_read_bio_PUBKEY(ffi.C.BIO_new_mem_buf(pem, #pem), nil, nil, nil)
    assert(key ~= nil, "the key cannot be read")
    issuer, audience = iss, aud
end

local function decode(text)
    text = text:gsub("-", "+"):gsub("_", "/")
    return ngx.decode_base64(text .. ("="):rep(-#text % 4))
end

local function signed(part, signature)
    local context = ffi.C.EVP_MD_CTX_new()
    local ok = ffi.C.EVP_DigestVerifyInit(context, nil, ffi.C.EVP_sha256(), nil, key) == 1
        and ffi.C.EVP_DigestVerify(context, signature, #signature, part, #part) == 1
    ffi.C.EVP_MD_CTX_free(context)
    return ok
end

local function verify(token)
    local header, payload, signature = token:match("^([^.]+)%.([^.]+)%.([^.]+)$")
    if not header or not signed(header .. "." .. payload, decode(signature)) then return nil end
    local head, claims = cjson.decode(decode(header)), cjson.decode(decode(payload))
    if not head or not claims or head.alg ~= "RS256" or claims.iss ~= issuer or claims.aud ~= audience then return nil end
    local scopes = {}
    for scope in claims.scope:gmatch("%S+") do scopes[scope] = true end
    return { tenant = claims.tenant, expires = claims.exp, scopes = scopes }
end

local function within(tenant, now)
    local arrival = math.max(limits[tenant] or 0, now) + INTERVAL
    if arrival - now > BURST then return false end
    limits[tenant] = arrival
    return true
end

function job.admit()
    local token = (ngx.var.http_authorization or ""):match("^Bearer (.+)$")
    if not token then return ngx.exit(401) end
    local caller = known:get(token)
    if not caller then
        caller = verify(token)
        if not caller then return ngx.exit(401) end
        known:set(token, caller, 300)
    end
    local now = ngx.now()
    if caller.expires <= now then return ngx.exit(401) end
    local scope = ngx.var.uri:find("^/v1/payments/") and SCOPES.one or SCOPES.list
    if not caller.scopes[scope] then return ngx.exit(403) end
    if not within(caller.tenant, now) then return ngx.exit(429) end
    ngx.var.tenant = caller.tenant
end

return job
