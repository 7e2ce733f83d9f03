# Varnish keeps answers; it checks nobody.
vcl 4.1;
backend passport { .host = "$UPSTREAM_HOST"; .port = "$UPSTREAM_PORT"; }
sub vcl_recv {
    unset req.http.Authorization;
    return (hash);
}
sub vcl_backend_fetch {
    set bereq.http.Authorization = "Bearer $BEARER";
}
