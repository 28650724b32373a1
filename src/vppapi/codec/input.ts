import type { Address, Prefix } from "./address.ts";

declare const textForm: unique symbol;
/** Bytes that encode from text as well. The mark exists for the compiler only. */
type Bytes<Form extends string> = Uint8Array & { readonly [textForm]: Form };

/** Four bytes; encodes from "10.0.0.1" too. */
export type Ip4Address = Bytes<"ip4">;
/** Sixteen bytes; encodes from "2001:db8::1" too. */
export type Ip6Address = Bytes<"ip6">;
/** Six bytes; encodes from "02:fe:00:00:00:01" too. */
export type MacAddress = Bytes<"mac">;

/**
 * What encode takes for a decoded type `T`: any field may be left out (it is then its default, or zero), addresses,
 * prefixes and MACs may be text, and one arm of a union is enough.
 */
export type Input<T> =
  T extends Bytes<string>
    ? Uint8Array | readonly number[] | string
    : T extends Uint8Array
      ? Uint8Array | readonly number[]
      : T extends Address
        ? InputFields<T> | string
        : T extends Prefix
          ? InputFields<T> | string
          : T extends readonly (infer E)[]
            ? readonly Input<E>[]
            : T extends bigint
              ? bigint | number
              : T extends object
                ? InputFields<T>
                : T;

type InputFields<T> = { readonly [K in keyof T]?: Input<T[K]> | undefined };
