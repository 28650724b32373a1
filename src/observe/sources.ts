import type { ApiServer } from "../dataplane/api/server.ts";
import type { Dataplane } from "../dataplane/dataplane.ts";
import type { Observable } from "rxjs";
import type { ControllerEvent, ControllerStatus } from "../controller/types.ts";

/** What metrics and health want of a controller. All of it is known in this process: nothing asks VPP. */
export interface ControllerSource {
  status(): ControllerStatus;
  /** Hot; no replay. */
  readonly events$: Observable<ControllerEvent>;
}

/** What metrics and health want of the embedded dataplane. */
export interface DataplaneSource {
  readonly dataplane: Pick<Dataplane, "interfaces">;
  readonly api: Pick<ApiServer, "clients">;
}
