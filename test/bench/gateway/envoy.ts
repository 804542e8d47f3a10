interface Way {
  readonly from: number;
  readonly to: number;
}

interface Tls {
  readonly from: number;
  readonly certificateFile: string;
  readonly keyFile: string;
}

const filters = 'type.googleapis.com/envoy.extensions.filters';
const loopback = (port: number): object => ({ socket_address: { address: '127.0.0.1', port_value: port } });

/**
 * `lean`: nothing is done that a plain reverse proxy need not do: no request ids, no time limit of a request. `defaults`: what Envoy does where nobody has said anything, an `X-Request-Id` for each request and
 * 15 s for its answer, as its users have it.
 */
export type Tuning = 'lean' | 'defaults';

/** Envoy as a plain reverse proxy, of HTTP/1.1 and of gRPC, that appends X-Forwarded-For: no access log, no limits that the load would meet, no admin port. */
export const envoyConfiguration = (tuning: Tuning, http: Way, webSocket: Way, grpc: Way, tls: Tls | undefined): object => ({
  static_resources: {
    listeners: [
      listener(tuning, 'http', http, 'http'),
      listener(tuning, 'websocket', webSocket, 'websocket', { upgrades: [{ upgrade_type: 'websocket' }] }),
      listener(tuning, 'grpc', grpc, 'grpc', { codec: 'HTTP2' }),
      ...(tls === undefined ? [] : [listener(tuning, 'tls', tls, 'http', { transport: { transport_socket: transportSocket(tls) } })]),
    ],
    clusters: [cluster('http', http), cluster('websocket', webSocket), { ...cluster('grpc', grpc), ...http2 }],
  },
});

interface ListenerOptions {
  readonly upgrades?: readonly object[];
  readonly codec?: 'HTTP1' | 'HTTP2';
  readonly transport?: object;
}

const transportSocket = ({ certificateFile, keyFile }: Tls): object => ({
  name: 'envoy.transport_sockets.tls',
  typed_config: {
    '@type': 'type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext',
    common_tls_context: { tls_certificates: [{ certificate_chain: { filename: certificateFile }, private_key: { filename: keyFile } }] },
  },
});

const listener = (
  tuning: Tuning,
  name: string,
  { from }: Pick<Way, 'from'>,
  to: string,
  { upgrades = [], codec = 'HTTP1', transport = {} }: ListenerOptions = {},
): object => ({
  name,
  address: loopback(from),
  tcp_backlog_size: 4096,
  filter_chains: [
    {
      ...transport,
      filters: [
        {
          name: 'envoy.filters.network.http_connection_manager',
          typed_config: {
            '@type': `${filters}.network.http_connection_manager.v3.HttpConnectionManager`,
            stat_prefix: name,
            codec_type: codec,
            use_remote_address: true,
            ...(tuning === 'lean' ? { generate_request_id: false } : {}),
            upgrade_configs: upgrades,
            route_config: {
              virtual_hosts: [
                { name, domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: to, ...(tuning === 'lean' ? { timeout: '0s' } : {}) } }] },
              ],
            },
            http_filters: [{ name: 'envoy.filters.http.router', typed_config: { '@type': `${filters}.http.router.v3.Router` } }],
          },
        },
      ],
    },
  ],
});

const cluster = (name: string, { to }: Way): object => ({
  name,
  type: 'STATIC',
  connect_timeout: '5s',
  circuit_breakers: { thresholds: [{ max_connections: 100_000, max_pending_requests: 100_000, max_requests: 100_000 }] },
  load_assignment: { cluster_name: name, endpoints: [{ lb_endpoints: [{ endpoint: { address: loopback(to) } }] }] },
});

const http2 = {
  typed_extension_protocol_options: {
    'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
      '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
      explicit_http_config: { http2_protocol_options: {} },
    },
  },
};
