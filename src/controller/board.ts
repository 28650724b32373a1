import { Subject, type Observable } from "rxjs";
import type { ControllerEvent, SyncState } from "./types.ts";
import { FIRST_VIEW, type View } from "./view.ts";

/** Where the controller stands, for whoever looks, and what happens, for whoever listens. */
export class Board {
  readonly #now: () => number;
  readonly #events = new Subject<ControllerEvent>();
  #view: View = FIRST_VIEW;

  constructor(now: () => number) {
    this.#now = now;
  }

  get events$(): Observable<ControllerEvent> {
    return this.#events.asObservable();
  }

  get view(): View {
    return this.#view;
  }

  /** The time now, ISO 8601. */
  get at(): string {
    return new Date(this.#now()).toISOString();
  }

  emit(event: ControllerEvent): void {
    this.#events.next(event);
  }

  set(change: Partial<View>): void {
    this.#view = { ...this.#view, ...change };
  }

  setState(state: SyncState, message: string): void {
    if (this.#view.state === state) return;
    this.set({ state });
    this.emit({ type: "sync", at: this.at, state, message });
  }
}
