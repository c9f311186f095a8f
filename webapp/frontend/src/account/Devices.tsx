/** Where the teacher is signed in, and signing out there. */
import { useEffect, useState } from "preact/hooks";
import type { Api } from "../core/api";
import { moment } from "../core/dates";
import { ErrorNote } from "../ui/ErrorNote";
import { useAction } from "./action";
import { devices, endDevice, endOtherDevices, type Device } from "./calls";
import { words } from "./words";

/** `changed`: another number each time the list may have changed elsewhere on the page. */
export function Devices({ api, changed }: { api: Api; changed: number }) {
  const [list, setList] = useState<Device[] | null>(null);
  const [said, setSaid] = useState("");
  const { busy, error, run } = useAction();
  const refresh = async (): Promise<void> => setList(await devices(api));
  useEffect(() => {
    setSaid("");
    void run(refresh);
  }, [changed]);

  function end(device: Device): void {
    void run(async () => {
      await endDevice(api, device.id);
      setSaid(words.devices.ended(device.device));
      await refresh();
    });
  }

  function endOthers(): void {
    void run(async () => {
      await endOtherDevices(api);
      setSaid(words.devices.endedOthers);
      await refresh();
    });
  }

  const others = list?.filter((device) => !device.current) ?? [];
  return (
    <section class="card account-card" aria-labelledby="account-devices">
      <h2 id="account-devices">{words.devices.title}</h2>
      <p class="soft">{others.length || !list ? words.devices.lead : words.devices.alone}</p>
      <ul class="account-list" data-testid="devices" aria-busy={list === null}>
        {list?.map((device) => (
          <li key={device.id} data-testid="device" data-current={device.current}>
            <span class="account-what">
              <span>
                {device.device}
                {device.current && <span class="tag tag-good">{words.devices.here}</span>}
              </span>
              <span class="soft small">{words.devices.seen(moment(device.seen_at))}</span>
            </span>
            {!device.current && (
              <button
                class="button button-small"
                data-testid="device-end"
                aria-label={words.devices.endOf(device.device, moment(device.seen_at))}
                disabled={busy}
                onClick={() => end(device)}
              >
                {words.devices.end}
              </button>
            )}
          </li>
        ))}
      </ul>
      <ErrorNote message={error} />
      <p
        class={said ? "note note-good" : "visually-hidden"}
        role="status"
        data-testid="devices-said"
      >
        {said}
      </p>
      {others.length > 1 && (
        <div class="row">
          <button
            class="button"
            data-testid="devices-end-others"
            disabled={busy}
            onClick={endOthers}
          >
            {words.devices.endOthers}
          </button>
        </div>
      )}
    </section>
  );
}
