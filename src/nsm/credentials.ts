import { X509Certificate } from "node:crypto";
import type net from "node:net";
import type { TLSSocket } from "node:tls";
import { ChannelCredentials, type ChannelOptions } from "@grpc/grpc-js";
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
  readonly #connected: (transport: Transport) => void;

  constructor(inner: ChannelCredentials, connected: (transport: Transport) => void) {
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
        const peer = peerOf(`${target.scheme ?? ""}:${target.path}`, result.secure ? result.socket : undefined);
        this.#connected({ descriptors, peer });
        return result;
      },
      waitForReady: () => inner.waitForReady(),
      getCallCredentials: () => inner.getCallCredentials(),
      destroy: () => inner.destroy(),
    };
  }
}

function peerOf(address: string, socket: net.Socket | undefined): Peer {
  const certificate = (socket as TLSSocket | undefined)?.getPeerX509Certificate?.();
  if (certificate === undefined) return { address };
  const spiffeId = spiffeIdOf(certificate);
  return { address, certificate: certificate.raw, ...(spiffeId === undefined ? {} : { spiffeId }) };
}

/** The peer that presented a certificate, DER. */
export function peerOfCertificate(address: string, certificate: Uint8Array | undefined): Peer {
  if (certificate === undefined) return { address };
  const spiffeId = spiffeIdOf(new X509Certificate(certificate));
  return { address, certificate, ...(spiffeId === undefined ? {} : { spiffeId }) };
}

/** The one SPIFFE ID among a certificate's alternative names (X.509-SVID, section 2). */
export function spiffeIdOf(certificate: X509Certificate): string | undefined {
  const names = (certificate.subjectAltName ?? "").split(", ").filter((name) => name.startsWith("URI:"));
  const [uri] = names;
  if (names.length !== 1 || uri === undefined) return undefined;
  const id = uri.slice("URI:".length);
  return id.startsWith("spiffe://") ? id : undefined;
}
