/**
 * The certificate of a compute instance, held to the profile of docs/login.md (Instances' certificates), and who it says
 * the instance is. Oracle's own services have certificates of the same CAs; they are not instances and do not pass.
 */
import { type Certificate, haveSameBytes, readCertificate } from "./certificate.ts";
import { clientAuth } from "./certificate-extensions.ts";
import { contextTag, type DerElement, DerFields, tags } from "./der.ts";
import { objectIdentifier, readObjectIdentifier, readPrintableText } from "./der-values.ts";
import {
  type CompartmentOcid,
  type InstanceOcid,
  parseCompartmentOcid,
  parseInstanceOcid,
  parseTenancyOcid,
  type TenancyOcid,
} from "./ocid.ts";
import { ensure, type Parsed, parsing } from "./parsed.ts";

export interface InstanceIdentity {
  readonly instanceOcid: InstanceOcid;
  /** That the instance is in itself; the tenancy's OCID for the root compartment. */
  readonly compartmentOcid: CompartmentOcid;
  readonly tenancyOcid: TenancyOcid;
}

export interface InstanceCertificate extends Certificate {
  readonly identity: InstanceIdentity;
}

/** Real ones live two hours. Nothing revokes one, so a long-lived one would be a key. */
const maxLifetimeMilliseconds = 24 * 3600_000;

export function parseInstanceCertificate(der: Uint8Array<ArrayBuffer>): Parsed<InstanceCertificate> {
  return parsing("the instance's certificate", () => {
    const certificate = readCertificate(der);
    expectLeaf(certificate);
    const text = readSubject(certificate.subject);
    const { instance } = certificate.extensions;
    if (instance !== undefined) expectAgreement(instance, text);
    return { ...certificate, identity: readIdentity(text) };
  });
}

function expectLeaf({ extensions, notBefore, notAfter }: Certificate): void {
  ensure(!extensions.isCa, "is one of a CA (basicConstraints)");
  // Without keyUsage, as real ones are, every use is allowed.
  const usage = extensions.keyUsage ?? { digitalSignature: true, keyCertSign: false };
  ensure(
    usage.digitalSignature && !usage.keyCertSign,
    "may not sign statements, or may sign certificates (keyUsage)",
  );
  ensure(
    extensions.extendedKeyUsage?.includes(clientAuth) === true,
    "is not one of a client (extendedKeyUsage without clientAuth)",
  );
  ensure(notAfter - notBefore <= maxLifetimeMilliseconds, "lives for more than 24 hours");
}

/** The texts after `opc-instance:` and so on. */
interface SubjectText {
  readonly certtype: string;
  readonly instance: string;
  readonly compartment: string;
  readonly tenant: string;
}

const commonName = objectIdentifier("2.5.4.3");
const organizationalUnit = objectIdentifier("2.5.4.11");

/** From the DER alone: no text of the whole subject is ever split. */
function readSubject(subject: DerElement): SubjectText {
  const names: string[] = [];
  const units: string[] = [];
  for (const relativeName of subject.children) {
    const isSet = relativeName.tag === tags.set && relativeName.children.length > 0;
    ensure(isSet, "does not have a subject's name where X.509 has one");
    for (const attribute of relativeName.children) {
      const fields = new DerFields(attribute, "a subject's attribute");
      const type = readObjectIdentifier(fields.next(tags.objectIdentifier, "type"));
      ensure(
        type === commonName || type === organizationalUnit,
        "has a subject with other attributes than CN and OU (one with O is of an Oracle service, not of an instance)",
      );
      const value =
        fields.optional(tags.utf8String) ??
        fields.next(tags.printableString, "PrintableString or UTF8String");
      fields.end();
      (type === commonName ? names : units).push(readPrintableText(value));
    }
  }
  const only = (kind: keyof SubjectText): string => {
    const prefix = `opc-${kind}:`;
    const [unit, ...others] = units.filter((text) => text.startsWith(prefix));
    ensure(unit !== undefined, `has no OU of the kind ${prefix} in its subject`);
    ensure(others.length === 0, `has more than one OU of the kind ${prefix} in its subject`);
    return unit.slice(prefix.length);
  };
  const text = {
    certtype: only("certtype"),
    instance: only("instance"),
    compartment: only("compartment"),
    tenant: only("tenant"),
  };
  ensure(text.certtype === "instance", "is not of the type 'instance' (opc-certtype)");
  ensure(
    names.length === 1 && names[0] === text.instance,
    "has a CN that is missing, there twice, or not the instance (opc-instance)",
  );
  return text;
}

function readIdentity(text: SubjectText): InstanceIdentity {
  const read = <T>(parsed: Parsed<T>, what: string): T => {
    // Not the OCID parser's own words, which repeat the text.
    ensure(parsed.ok, `has no ${what} where it says that it has one`);
    return parsed.value;
  };
  const tenancyOcid = read(parseTenancyOcid(text.tenant), "tenancy's OCID (opc-tenant)");
  const compartmentOcid = read(
    parseCompartmentOcid(text.compartment),
    "compartment's OCID (opc-compartment)",
  );
  const instanceOcid = read(parseInstanceOcid(text.instance), "instance's OCID (opc-instance)");
  const isOfAnotherRoot = parseTenancyOcid(text.compartment).ok && text.compartment !== text.tenant;
  ensure(!isOfAnotherRoot, "names the root compartment of another tenancy than its own (opc-compartment)");
  return { instanceOcid, compartmentOcid, tenancyOcid };
}

/** Which element of Oracle's extension says what. Tags follow, as `[5]`: they, and what is to come, are ignored. */
const numbersInExtension = { certtype: 1, instance: 2, compartment: 3, tenant: 4 } as const;

/** A subject's text is of ASCII. */
const ascii = new TextEncoder();

function expectAgreement(extension: DerElement, subject: SubjectText): void {
  ensure(extension.tag === tags.sequence, "has an extension of Oracle's that is not a SEQUENCE");
  for (const [kind, number] of Object.entries(numbersInExtension) as [keyof SubjectText, number][]) {
    const [element, ...others] = extension.children.filter((child) => (child.tag & 0x1f) === number);
    const isSame =
      element?.tag === contextTag(number, "primitive") &&
      haveSameBytes(element.content, ascii.encode(subject[kind]));
    ensure(isSame && others.length === 0, `has an extension of Oracle's that does not agree on opc-${kind}`);
  }
}
