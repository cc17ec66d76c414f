/** The emulated OCI's instances, their roots and the metadata service, by themselves: the Worker is tried on them. */
import { createPrivateKey, X509Certificate } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { startEmulator } from "../../dev/emulator.ts";
import { type ApiKey, signGet } from "../../dev/oracle-sdk.ts";
import { addUser, newOcid, type OciUser } from "./oci-users.ts";
import { newRsaKey } from "./rsa-keys.ts";
import { controlOf } from "./worker.ts";

let origin: string;
let control: ReturnType<typeof controlOf>;
let user: OciUser;
let close: () => Promise<void>;

beforeAll(async () => {
  ({ origin, close } = await startEmulator(0));
  control = controlOf(origin);
  const setUp = { emulator: control, admin: () => expect.unreachable("there is no Worker") };
  user = await addUser(setUp, newOcid("tenancy"));
});
afterAll(() => close());

let made = 0;
function newInstance(place = "oc1.phx") {
  made += 1;
  const [realm] = place.split(".");
  return {
    instanceOcid: `ocid1.instance.${place}.${`anyhqljt${made}`.padEnd(60, "q")}`,
    compartmentOcid: `ocid1.compartment.${realm}..${`aaaaaaaa${made}`.padEnd(60, "q")}`,
    tenancyOcid: newOcid("tenancy", realm),
  };
}

async function putInstance(about = newInstance(), lifetimeSeconds?: number) {
  const { instanceOcid, ...wanted } = about;
  const { status, body } = await control("PUT", `instances/${instanceOcid}`, { ...wanted, lifetimeSeconds });
  expect(status).toBe(200);
  return {
    pem: body as { certificate: string; intermediate: string; privateKey: string },
    leaf: new X509Certificate(body.certificate),
    intermediate: new X509Certificate(body.intermediate),
    key: createPrivateKey(body.privateKey),
  };
}

async function getRoots(region: string, signer: ApiKey = user) {
  const url = `${origin}/${region}/v1/instancePrincipalRootCACertificates`;
  const { host: _, ...headers } = await signGet(signer, url);
  const response = await fetch(url, { headers });
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
}

async function rootsOf(region: string): Promise<X509Certificate[]> {
  const { certificates } = JSON.parse((await getRoots(region)).text);
  return certificates.map((der: string) => new X509Certificate(Buffer.from(der, "base64")));
}

describe("an instance's certificate", () => {
  it("says of the instance what OCI's says, in its order", async () => {
    const instance = newInstance();
    const { leaf, intermediate, key } = await putInstance(instance);
    expect(leaf.subject.split("\n")).toEqual([
      `CN=${instance.instanceOcid}`,
      "OU=opc-certtype:instance",
      `OU=opc-compartment:${instance.compartmentOcid}`,
      `OU=opc-instance:${instance.instanceOcid}`,
      `OU=opc-tenant:${instance.tenancyOcid}`,
    ]);
    expect([leaf.ca, leaf.keyUsage]).toEqual([false, ["1.3.6.1.5.5.7.3.2"]]);
    expect(leaf.checkPrivateKey(key)).toBe(true);
    expect(leaf.publicKey.asymmetricKeyDetails).toMatchObject({
      modulusLength: 2048,
      publicExponent: 65537n,
    });
    expect(intermediate.subject).toMatch(/^OU=opc-device:([\da-f]{2}:){31}[\da-f]{2}\nCN=PKISVC Identity /);
    expect([intermediate.ca, intermediate.publicKey.asymmetricKeyDetails?.modulusLength]).toEqual([
      true,
      4096,
    ]);
  });

  it("is signed by an intermediate that the region's root signed, whether the OCID has its name or its code", async () => {
    const chains = [
      await putInstance(newInstance("oc1.phx")),
      await putInstance(newInstance("oc1.us-phoenix-1")),
    ];
    const [root, ...others] = await rootsOf("us-phoenix-1");
    if (root === undefined) throw new Error("there is no root");
    expect(others).toEqual([]);
    for (const { leaf, intermediate } of chains) {
      expect(leaf.checkIssued(intermediate) && leaf.verify(intermediate.publicKey)).toBe(true);
      expect(intermediate.checkIssued(root) && intermediate.verify(root.publicKey)).toBe(true);
    }
    expect(root.subject).toMatch(/^CN=OCI Instance Identity Root - us-phoenix-1 - \d{10}$/);
    expect([root.ca, root.verify(root.publicKey)]).toEqual([true, true]);
    expect(root.publicKey.asymmetricKeyDetails?.modulusLength).toBe(4096);
  });

  it("is under another root in another region", async () => {
    const { intermediate } = await putInstance(newInstance("oc1.phx"));
    for (const root of await rootsOf("us-ashburn-1")) {
      expect(intermediate.checkIssued(root) || intermediate.verify(root.publicKey)).toBe(false);
    }
  });

  it("lives two hours and a minute, or as long as is told", async () => {
    const lifetimeOf = ({ leaf }: { leaf: X509Certificate }) =>
      (leaf.validToDate.getTime() - leaf.validFromDate.getTime()) / 1000;
    expect(lifetimeOf(await putInstance())).toBe(7260);
    expect(lifetimeOf(await putInstance(newInstance(), 90))).toBe(90);
    expect(lifetimeOf(await putInstance(newInstance(), 100_000))).toBe(100_000);
  });

  it("has another key whenever it is made anew", async () => {
    const instance = newInstance();
    const [first, second] = [await putInstance(instance), await putInstance(instance)];
    expect(second.leaf.subject).toBe(first.leaf.subject);
    expect(second.leaf.checkPrivateKey(first.key)).toBe(false);
  });

  it.each(["ocid1.user.oc1..a", "ocid1.instance.oc1..a", "ocid1.instance.oc1.phx", "phx"])(
    "is not made for '%s'",
    async (instanceOcid) => {
      const { instanceOcid: _, ...about } = newInstance();
      expect(await control("PUT", `instances/${instanceOcid}`, about)).toMatchObject({
        status: 400,
        body: { code: "InvalidParameter" },
      });
    },
  );
});

describe("a region's roots", () => {
  const path = "/us-phoenix-1/v1/instancePrincipalRootCACertificates";

  it("are told to any known user, with when to come again", async () => {
    const { status, type, text } = await getRoots("us-phoenix-1");
    expect([status, type]).toEqual([200, "application/json"]);
    expect(Date.parse(JSON.parse(text).refreshIn)).toBeGreaterThan(Date.now());
  });

  it("are told to nobody else", async () => {
    expect((await fetch(origin + path)).status).toBe(401);
    expect((await getRoots("us-phoenix-1", { ...user, userOcid: newOcid("user") })).status).toBe(401);
    expect((await getRoots("us-phoenix-1", { ...user, privateKey: newRsaKey().privateKey })).status).toBe(
      401,
    );
    const { host: _, ...headers } = await signGet(user, `${origin}${path.replace("phoenix", "ashburn")}`);
    expect((await fetch(origin + path, { headers })).status).toBe(401);
  });

  it("are there for a region that Oracle's SDK knows, and for one that an instance is in", async () => {
    expect((await getRoots("eu-frankfurt-1")).status).toBe(200);
    expect((await getRoots("xx-newtown-1")).status).toBe(404);
    await putInstance(newInstance("oc1.xx-newtown-1"));
    expect((await getRoots("xx-newtown-1")).status).toBe(200);
    expect((await getRoots("phx")).status).toBe(404);
  });

  it("are followed by a new one, under which certificates are from then on, and stay themselves", async () => {
    const before = await putInstance(newInstance("oc1.uk-london-1"));
    const [old] = await rootsOf("uk-london-1");
    const { body } = await control("POST", "instance-roots/uk-london-1/rotate");
    const [stayed, next, ...others] = await rootsOf("uk-london-1");
    if (old === undefined || next === undefined) throw new Error("a root is missing");
    expect(others).toEqual([]);
    expect(stayed?.fingerprint256).toBe(old.fingerprint256);
    expect(body).toEqual({ certificates: [old, next].map(({ raw }) => raw.toString("base64")) });
    const after = await putInstance(newInstance("oc1.uk-london-1"));
    expect([old, next].map(({ publicKey }) => before.intermediate.verify(publicKey))).toEqual([true, false]);
    expect([old, next].map(({ publicKey }) => after.intermediate.verify(publicKey))).toEqual([false, true]);
    expect(next.subject).not.toBe(old.subject);
  });

  it("give way to those that are put in their place, in each format, until those are taken away", async () => {
    const own = await getRoots("us-phoenix-1");
    const { certificates } = JSON.parse(own.text);
    const garbage = Buffer.from("no certificate").toString("base64");
    const pem = (der: string) => `-----BEGIN CERTIFICATE-----\n${der}\n-----END CERTIFICATE-----\n`;
    const put = async (body: unknown) => {
      expect((await control("PUT", "instance-roots/us-phoenix-1", body)).status).toBe(200);
      const { type, text } = await getRoots("us-phoenix-1");
      return type === "application/json" ? JSON.parse(text) : text;
    };

    expect(await put({ certificates: [] })).toEqual({ certificates: [] });
    expect(await put({ certificates: [garbage], refreshIn: "soon" })).toEqual({
      certificates: [garbage],
      refreshIn: "soon",
    });
    expect(await put({ certificates: [garbage], format: "json-pem" })).toEqual({
      certificates: [pem(garbage)],
    });
    expect(await put({ certificates: [garbage, garbage], format: "pem" })).toBe(pem(garbage) + pem(garbage));
    const read = new X509Certificate(await put({ certificates, format: "pem" }));
    expect(read.raw.toString("base64")).toBe(certificates[0]);
    expect(
      (await control("PUT", "instance-roots/us-phoenix-1", { certificates, format: "xml" })).status,
    ).toBe(400);

    expect((await control("DELETE", "instance-roots/us-phoenix-1")).body).toEqual({ restored: true });
    expect(JSON.parse((await getRoots("us-phoenix-1")).text).certificates).toEqual(certificates);
  });
});

describe("the metadata service", () => {
  const bearer = { authorization: "Bearer Oracle" };
  const get = async (path: string, headers: Record<string, string> = bearer) => {
    const response = await fetch(`${origin}/opc/v2/${path}`, { headers });
    return { status: response.status, text: await response.text() };
  };
  const text = async (path: string) => (await get(path)).text;

  it("has nothing to say before it is told whose it is", async () => {
    expect((await get("instance/id")).status).toBe(404);
    const { instanceOcid } = newInstance();
    expect((await control("PUT", "current-instance", { instanceOcid })).status).toBe(404);
    expect((await get("instance/id")).status).toBe(404);
  });

  describe("of an instance", () => {
    const instance = newInstance("oc1.phx");
    let put: Awaited<ReturnType<typeof putInstance>>;
    beforeAll(async () => {
      put = await putInstance(instance);
      const { instanceOcid } = instance;
      expect((await control("PUT", "current-instance", { instanceOcid })).body).toEqual({ instanceOcid });
    });

    it("has its certificate, the intermediate, and the key as PKCS#1", async () => {
      expect(await text("identity/cert.pem")).toBe(put.pem.certificate);
      expect(await text("identity/intermediate.pem")).toBe(put.pem.intermediate);
      const key = await text("identity/key.pem");
      expect(key).toMatch(/^-----BEGIN RSA PRIVATE KEY-----\n/);
      expect(put.leaf.checkPrivateKey(createPrivateKey(key))).toBe(true);
    });

    it("says what and where it is, as a whole and value by value", async () => {
      const regionInfo = {
        realmKey: "oc1",
        realmDomainComponent: "oraclecloud.com",
        regionKey: "PHX",
        regionIdentifier: "us-phoenix-1",
      };
      const whole = {
        id: instance.instanceOcid,
        compartmentId: instance.compartmentOcid,
        tenantId: instance.tenancyOcid,
        region: "phx",
        canonicalRegionName: "us-phoenix-1",
      };
      expect(JSON.parse(await text("instance/"))).toMatchObject({ ...whole, regionInfo });
      for (const [name, value] of Object.entries(whole)) expect(await text(`instance/${name}`)).toBe(value);
      expect(JSON.parse(await text("instance/regionInfo"))).toEqual(regionInfo);
      expect(await text("instance/regionInfo/realmKey")).toBe("oc1");
    });

    it("answers nobody who lacks the header, or was forwarded", async () => {
      for (const path of ["identity/key.pem", "instance/id", "nothing"]) {
        expect(await get(path, {})).toMatchObject({ status: 401 });
        expect(await get(path, { authorization: "Bearer oracle" })).toMatchObject({ status: 401 });
        expect(await get(path, { ...bearer, "x-forwarded-for": "192.0.2.1" })).toMatchObject({ status: 403 });
      }
    });

    it("has nothing else, and no version 1", async () => {
      for (const path of [
        "",
        "identity/",
        "identity/other.pem",
        "instance/constructor",
        "instance/id/length",
      ]) {
        expect([path, (await get(path)).status]).toEqual([path, 404]);
      }
      expect((await fetch(`${origin}/opc/v1/instance/id`)).status).toBe(404);
    });
  });

  it("names a region by its code in Phoenix and Ashburn only", async () => {
    const instance = newInstance("oc1.lhr");
    await putInstance(instance);
    await control("PUT", "current-instance", { instanceOcid: instance.instanceOcid });
    expect(await text("instance/region")).toBe("uk-london-1");
  });

  it("gets another certificate and key after a tenth of the certificate's lifetime", async () => {
    const instance = newInstance();
    const first = await putInstance(instance, 10);
    await control("PUT", "current-instance", { instanceOcid: instance.instanceOcid });
    await expect.poll(() => text("identity/cert.pem"), { timeout: 20_000 }).not.toBe(first.pem.certificate);
  });
});

describe("faults and recorded requests", () => {
  beforeEach(async () => {
    await control("DELETE", "faults");
    await control("DELETE", "requests");
  });

  it("concern the roots and the metadata service too, and no control", async () => {
    await control("PUT", "faults", { status: 503, body: "gone", contentType: "text/plain" });
    expect(await getRoots("us-phoenix-1")).toEqual({ status: 503, type: "text/plain", text: "gone" });
    expect((await fetch(`${origin}/opc/v2/instance/id`)).status).toBe(503);
    await putInstance();
    await control("DELETE", "faults");
    expect((await getRoots("us-phoenix-1")).status).toBe(200);
    const path = "/us-phoenix-1/v1/instancePrincipalRootCACertificates";
    const keyId = `${user.tenancyOcid}/${user.userOcid}/${user.fingerprint}`;
    expect((await control("GET", "requests")).body.requests).toEqual([
      { method: "GET", path, keyId, status: 503 },
      { method: "GET", path: "/opc/v2/instance/id", keyId: null, status: 503 },
      { method: "GET", path, keyId, status: 200 },
    ]);
  });
});
