import type { HostRecord } from '@plumbline/database';
import { type Installation, type Placement, placementFor } from '@plumbline/sandbox';

/**
 * One placement for each host, with its connection, for the life of this process; a host whose settings were changed gets a new
 * one.
 */
export function placementsOf(installation: Installation): (host: HostRecord) => Placement {
  const known = new Map<string, { readonly settings: string; readonly placement: Placement }>();
  return ({ id, reach }) => {
    const settings = JSON.stringify(reach);
    const held = known.get(id);
    if (held?.settings === settings) return held.placement;
    const placement = placementFor(reach, installation);
    known.set(id, { settings, placement });
    return placement;
  };
}
