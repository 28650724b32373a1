export interface RoutePath {
  /** Next hop; absent for a route to whatever is on the interface. */
  readonly address?: string;
  /** VPP's interface name; absent for a recursive route. */
  readonly interface?: string;
  /** No next hop at all: packets are dropped, or are for VPP itself. */
  readonly special?: "drop" | "local";
  /** 1..255. */
  readonly weight: number;
  /** Table in which a recursive next hop is looked up. */
  readonly table: number;
}

export interface DesiredRoute {
  readonly prefix: string;
  readonly table: number;
  readonly via: readonly RoutePath[];
  /** Of a route that streams and flows need: whose it is, for people, and what it does. */
  readonly title?: string;
  readonly sentence?: string;
}

export interface DesiredNeighbor {
  readonly address: string;
  readonly mac: string;
  /** VPP's interface name. */
  readonly interface: string;
}

export interface ObservedRoute {
  readonly prefix: string;
  readonly table: number;
  readonly via: readonly RoutePath[];
}

export interface ObservedNeighbor extends DesiredNeighbor {
  readonly isStatic: boolean;
}

/** What is done to routes and neighbors. */
export type FibAction =
  | { readonly type: "neighbor"; readonly neighbor: DesiredNeighbor; readonly add: boolean }
  | { readonly type: "route"; readonly route: DesiredRoute; readonly add: boolean };
