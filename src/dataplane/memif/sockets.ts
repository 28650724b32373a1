import { mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { MemifListener } from "../../memif/index.ts";
import { NO_INDEX } from "../model.ts";

/** VPP's return value with its words for the CLI. */
export interface Refusal {
  readonly retval: number;
  readonly reason: string;
}

/** A socket file by its id. It is a listener or not for as long as interfaces use it. */
export interface MemifSocket {
  readonly id: number;
  readonly filename: string;
  references: number;
  isListener: boolean;
  listener: MemifListener | undefined;
}

/** vnet/error.h. */
export const INVALID_ARGUMENT = -73;
const SYSCALL_ERROR_1 = -11;
const UNEXPECTED_INTF_STATE = -74;
const ENTRY_ALREADY_EXISTS = -116;
const DEFAULT_FILENAME = "memif.sock";

const refuse = (retval: number, reason: string): Refusal => ({ retval, reason });

/** Socket files (plugins/memif/memif.c memif_socket_filename_add_del). Id 0 is there from the beginning. */
export class MemifSockets {
  readonly #byId = new Map<number, MemifSocket>();
  readonly #directory: string;
  #seed = 0;

  constructor(directory: string) {
    this.#directory = directory;
    this.#byId.set(0, this.#make(0, join(directory, DEFAULT_FILENAME)));
  }

  get(id: number): MemifSocket | undefined {
    return this.#byId.get(id);
  }

  /** By id. VPP lists them as its hash table has them. */
  all(): MemifSocket[] {
    return [...this.#byId.values()].sort((a, b) => a.id - b.id);
  }

  /** An id that nobody has: VPP's own sequence of random numbers, which begins with 1013904223. */
  unusedId(): number {
    for (;;) {
      this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
      if (this.#seed !== NO_INDEX && !this.#byId.has(this.#seed)) return this.#seed;
    }
  }

  add(id: number, filename: string): Refusal | undefined {
    if (id === NO_INDEX) return refuse(INVALID_ARGUMENT, "socked id is not specified");
    if (filename === "") return refuse(INVALID_ARGUMENT, "socket filename not specified");
    const isWhole = filename.startsWith("/") || filename.startsWith("abstract:");
    const full = isWhole ? filename : join(this.#directory, filename);
    if (!isWhole) {
      try {
        mkdirSync(dirname(full), { recursive: true });
      } catch {
        return refuse(SYSCALL_ERROR_1, "unable to create socket dir");
      }
    }
    const known = this.#byId.get(id);
    if (known?.filename === full) return undefined;
    if (known !== undefined) return refuse(ENTRY_ALREADY_EXISTS, "entry already exists");
    this.#byId.set(id, this.#make(id, full));
    return undefined;
  }

  delete(id: number): Refusal | undefined {
    if (id === 0) return refuse(INVALID_ARGUMENT, "cannot delete socket id 0");
    if (id === NO_INDEX) return refuse(INVALID_ARGUMENT, "socked id is not specified");
    const socket = this.#byId.get(id);
    if (socket === undefined) return refuse(INVALID_ARGUMENT, `socket file with id ${id} does not exist`);
    if (socket.references > 0) return refuse(UNEXPECTED_INTF_STATE, `socket file '${socket.filename}' is in use`);
    this.#byId.delete(id);
    return undefined;
  }

  /** Takes a socket into use; the first master makes it listen. @throws MemifError LISTEN */
  use(socket: MemifSocket, asListener: boolean): void {
    if (socket.references === 0) {
      if (asListener) socket.listener = MemifListener.open(socket.filename);
      socket.isListener = asListener;
    }
    socket.references += 1;
  }

  /** Gives it back; with the last master it stops listening. */
  release(socket: MemifSocket): void {
    socket.references -= 1;
    if (socket.references > 0) return;
    socket.listener?.close();
    socket.listener = undefined;
  }

  #make(id: number, filename: string): MemifSocket {
    return { id, filename, references: 0, isListener: false, listener: undefined };
  }
}
