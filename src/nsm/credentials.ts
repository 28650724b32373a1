import { X509Certificate } from "node:crypto";
import type net from "node:net";
import { TLSSocket, type PeerCertificate } from "node:tls";
import { ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";
import { idOfCertificate } from "../spiffe/x509.ts";
import type { Peer } from "./call.ts";
import { DescriptorSocket } from "./fd/socket.ts";

type Connector = ReturnType<ChannelCredentials["_createSecureConnector"]>;
type Target = Parameters<ChannelCredentials["_createSecureConnector"]>[0];
type CallCredentials = Parameters<ChannelCredentials["_createSecureConnector"]>[2];

/** One transport connection of a channel. */
export interface Transport {
  /** Where descriptors can pass; undefined on TCP. */
  readonly descriptors: DescriptorSocket | undefined;
  readonly peer: Peer;
}

/**
 * Credentials around others (clear text, TLS) that put a {@link DescriptorSocket} under unix connections and tell of
 * each connection that is made, below and above TLS.
 */
export class TransportCredentials extends ChannelCredentials {
  readonly #inner: ChannelCredentials;
  readonly #connected: (transport: Transport) => boolean;

  /** @param connected hears of each connection; false: nobody wants it any more */
  constructor(inner: ChannelCredentials, connected: (transport: Transport) => boolean) {
    super();
    this.#inner = inner;
    this.#connected = connected;
  }

  override compose(): ChannelCredentials {
    throw new TypeError("these credentials cannot be composed: compose what they wrap");
  }

  override _isSecure(): boolean {
    return this.#inner._isSecure();
  }

  /** Each channel has connections of its own: descriptors belong to one. */
  override _equals(other: ChannelCredentials): boolean {
    return other === this;
  }

  override _createSecureConnector(target: Target, options: ChannelOptions, credentials?: CallCredentials): Connector {
    const inner = this.#inner._createSecureConnector(target, options, credentials);
    return {
      connect: async (socket) => {
        const isUnix = target.scheme === "unix" || target.scheme === "unix-abstract";
        const descriptors = isUnix ? new DescriptorSocket(socket) : undefined;
        const result = await inner.connect((descriptors as unknown as net.Socket | undefined) ?? socket);
        const peer = peerOf(`${target.scheme ?? ""}:${target.path}`, result.socket);
        if (this.#connected({ descriptors, peer })) return result;
        // grpc-js forgets the socket of a channel that was closed while it connected: it would stay open for ever.
        descriptors?.destroy();
        result.socket.destroy();
        throw new Error("the channel was closed while it connected");
      },
      waitForReady: () => inner.waitForReady(),
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => inner.destroy(),
    };
  }
}

/** Who is on the other side of a connection: of TLS, by its certificate. */
export function peerOf(address: string, socket: unknown): Peer {
  if (!(socket instanceof TLSSocket)) return { address };
  // Not getPeerX509Certificate(): of a client's socket it takes the chain away, and nobody gets it twice.
  const { raw } = socket.getPeerCertificate() as Partial<PeerCertificate>;
  if (raw === undefined) return { address };
  const local = socket.getX509Certificate();
  const spiffeId = spiffeIdOf(new X509Certificate(raw));
  return {
    address,
    certificate: raw,
    ...(local === undefined ? {} : { localCertificate: local.raw }),
    ...(spiffeId === undefined ? {} : { spiffeId }),
  };
}

/** The one SPIFFE ID among a certificate's alternative names; undefined where it is no X.509-SVID. */
export function spiffeIdOf(certificate: X509Certificate): string | undefined {
  try {
    return idOfCertificate(certificate).text;
  } catch {
    return undefined;
  }
}
