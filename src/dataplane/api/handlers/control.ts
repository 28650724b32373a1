/** memclnt.api, vlib.api and vpe.api: the client's life, the CLI, who this is. */
import { RETVAL } from "vpp-api-ts/codec";
import { runCli } from "../../cli/index.ts";
import { request, type Handlers } from "../handler.ts";

/** What a client may ask a version for; it is the version whose API and quirks this has. */
const VERSION = "26.06-release";

const startedAt = new Date();

/** As VPP prints its build date. */
function buildDate(): string {
  return startedAt.toISOString().slice(0, 19);
}

export const controlHandlers: Handlers = {
  control_ping: request(() => ({ client_index: 0, vpe_pid: process.pid })),
  /** Needs a plugin's name and CRC; over the socket nobody has use for it. */
  get_first_msg_id: request(() => ({ retval: RETVAL.INVALID_VALUE, first_msg_id: 0xffff })),
  /** VPP 26.06 lists none either. */
  api_versions: request(() => ({ api_versions: [] })),
  show_version: request(() => ({
    program: "vpe",
    version: VERSION,
    build_date: buildDate(),
    build_directory: "",
  })),
  show_threads: request(() => ({
    thread_data: [{ id: 0, name: "vpp_main", type: "", pid: process.pid, cpu_id: 0, core: 0, cpu_socket: 0 }],
  })),
  show_vpe_system_time: request(() => ({ vpe_system_time: Date.now() / 1000 })),
  get_f64_endian_value: request<{ f64_one: number }>((fields) => ({
    // The definition has it unsigned.
    retval: fields.f64_one === 1 ? 0 : RETVAL.API_ENDIAN_FAILED >>> 0,
    f64_one_result: 1,
  })),
  get_f64_increment_by_one: request<{ f64_value: number }>((fields) => ({ f64_value: fields.f64_value + 1 })),
  cli_inband: request<{ cmd: string }>(async ({ cmd }, { dataplane, session }) => {
    const { retval, output } = await runCli(dataplane, cmd, { signal: session.signal });
    return { retval, reply: output };
  }),
  want_interface_events: request<{ enable_disable: number; pid: number }>(
    ({ enable_disable, pid }, { events, session, clientIndex, event }) => {
      if (enable_disable === 0) {
        if (!events.has(clientIndex)) return { retval: RETVAL.INVALID_REGISTRATION };
        events.remove(clientIndex);
        return {};
      }
      if (events.has(clientIndex)) return { retval: RETVAL.INVALID_REGISTRATION };
      if (clientIndex !== session.clientIndex) return {};
      events.add({
        clientIndex,
        notify: (changes) => {
          for (const { swIfIndex, flags, deleted } of changes) {
            event("sw_interface_event", {
              client_index: clientIndex,
              pid,
              sw_if_index: swIfIndex,
              flags,
              deleted,
            });
          }
        },
      });
      return {};
    },
  ),
};
