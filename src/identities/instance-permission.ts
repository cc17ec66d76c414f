/** Which instances may log in as an identity: checked by the login, and again of each token that it gave. */
import type { OciInstanceAuthConfig } from "../storage/tables.ts";
import { isAllowed } from "./allowed-list.ts";

export type InstanceSettings = Pick<
  OciInstanceAuthConfig,
  "tenancyOcid" | "allowedCompartmentOcids" | "allowedInstanceOcids" | "allowedRegions"
>;

/** An instance as its certificate names it. `region` is a region's name. */
export interface Instance {
  readonly tenancyOcid: string;
  readonly compartmentOcid: string;
  readonly instanceOcid: string;
  readonly region: string;
}

/** A compartment is the instance's own, and none above it. */
export const instancePermission = {
  tenancy: (settings: InstanceSettings, { tenancyOcid }: Instance) => tenancyOcid === settings.tenancyOcid,
  region: (settings: InstanceSettings, { region }: Instance) => isAllowed(settings.allowedRegions, region),
  compartment: (settings: InstanceSettings, { compartmentOcid }: Instance) =>
    isAllowed(settings.allowedCompartmentOcids, compartmentOcid),
  instance: (settings: InstanceSettings, { instanceOcid }: Instance) =>
    isAllowed(settings.allowedInstanceOcids, instanceOcid),
} as const;

export function permitsInstance(settings: InstanceSettings, instance: Instance): boolean {
  return Object.values(instancePermission).every((permits) => permits(settings, instance));
}
