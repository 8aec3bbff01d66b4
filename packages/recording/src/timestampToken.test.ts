import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TemporaryFolder, TimestampAuthority, temporaryFolder } from '@plumbline/testing';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { contentsOf, DER, membersOf, numbered, objectIdText, readDer, writeDer, writeObjectId } from './der.ts';
import { FormatError } from './formatError.ts';
import { timestampRequest } from './timestampRequest.ts';
import { checkTimestamp } from './timestampToken.ts';

const MANIFEST = '{"attempt":"one","text":"é"}';

let folder: TemporaryFolder;
let authority: TimestampAuthority;
let token: Buffer;
beforeAll(async () => {
  folder = await temporaryFolder();
  authority = await TimestampAuthority.start();
  token = await tokenFor(authority, MANIFEST);
});
afterAll(async () => {
  await authority.close();
  await folder.remove();
});

async function tokenFor(from: TimestampAuthority, manifest: string): Promise<Buffer> {
  const request = timestampRequest(manifest);
  return request.read(await from.reply(request.der)).token;
}

/** What the authority says: time, imprint, number. */
const infoOf = (given: Buffer) => {
  const signedData = membersOf(membersOf(membersOf(readDer(given))[1], numbered(0))[0]);
  return contentsOf(membersOf(membersOf(signedData[2])[1], numbered(0))[0], DER.octets);
};

describe('a time-stamp', () => {
  it.each([
    { key: 'ec', certificateHash: 'sha1' },
    { key: 'rsa', digest: 'sha512', certificateHash: 'sha512' },
  ] as const)('of an authority with $key, $certificateHash says who signed it and when, and openssl agrees', async (options) => {
    const other = await TimestampAuthority.start(options);
    try {
      const beforeMs = Date.now();
      const given = await tokenFor(other, MANIFEST);
      const { authority: name, atMs } = checkTimestamp(given, MANIFEST);
      expect(name).toBe('O=Example, CN=Time-stamps of a test');
      // It names whole seconds.
      expect(atMs).toBeGreaterThan(beforeMs - 1_000);
      expect(atMs).toBeLessThanOrEqual(Date.now());
      const [data, stamp] = [join(folder.path, 'manifest.json'), join(folder.path, 'manifest.tst')];
      writeFileSync(data, MANIFEST);
      writeFileSync(stamp, given);
      const args = ['ts', '-verify', '-data', data, '-in', stamp, '-token_in', '-CAfile', other.rootFile];
      expect(execFileSync('openssl', args, { encoding: 'utf8', stdio: 'pipe' })).toContain('Verification: OK');
    } finally {
      await other.close();
    }
  });

  it('of another manifest is refused', () => {
    expect(() => checkTimestamp(token, `${MANIFEST} `)).toThrow('It is one for another manifest.');
  });

  it('that answers another request for the same manifest is refused', async () => {
    const [first, second] = [timestampRequest(MANIFEST), timestampRequest(MANIFEST)];
    const reply = await authority.reply(first.der);
    expect(() => second.read(reply)).toThrow('It is the answer to another request.');
    expect(first.read(reply).timestamp.atMs).toBeGreaterThan(0);
  });

  it('that was not granted is refused with the words of the authority', async () => {
    const request = timestampRequest(MANIFEST);
    const [version, , ...rest] = membersOf(readDer(request.der));
    const md5 = writeDer(DER.sequence, writeObjectId('1.2.840.113549.2.5'), writeDer(DER.null));
    const imprint = writeDer(DER.sequence, md5, writeDer(DER.octets, Buffer.alloc(16)));
    const parts = [version, { encoded: imprint }, ...rest].map((part) => (part as { encoded: Buffer }).encoded);
    const reply = await authority.reply(writeDer(DER.sequence, ...parts));
    expect(() => request.read(reply)).toThrow('The authority gave no time-stamp. Message digest algorithm is not supported.');
  });

  it('whose time, signature or certificate was changed is refused', () => {
    const at = (offset: number) => {
      const changed = Buffer.from(token);
      changed[offset] = (changed[offset] as number) ^ 1;
      return () => checkTimestamp(changed, MANIFEST);
    };
    const time = token.indexOf(contentsOf(membersOf(readDer(infoOf(token)))[4], DER.time));
    expect(at(time + 13)).toThrow('What it says is not what was signed.');
    expect(at(token.length - 1)).toThrow('Its signature is wrong.');
    expect(at(token.indexOf('Time-stamps of a test'))).toThrow('It does not have the certificate that it was signed with.');
  });

  it('that is signed with a certificate for something else, or outside its time, is refused', async () => {
    const info = infoOf(token);
    expect(checkTimestamp(await authority.token(info, 'tsa'), MANIFEST)).toEqual(checkTimestamp(token, MANIFEST));
    const byServer = await authority.token(info, 'server');
    expect(() => checkTimestamp(byServer, MANIFEST)).toThrow('Its certificate is not one for time-stamps.');
    const early = Buffer.from(info);
    early.write('19990101', early.indexOf(contentsOf(membersOf(readDer(info))[4], DER.time)));
    const backdated = await authority.token(early, 'tsa');
    expect(() => checkTimestamp(backdated, MANIFEST)).toThrow('Its certificate was not valid at its time.');
  });

  it('with any byte changed, cut off or put after it holds as it did or is refused, and never ends otherwise', () => {
    const whole = checkTimestamp(token, MANIFEST);
    const check = (bytes: Uint8Array) => {
      try {
        expect(checkTimestamp(bytes, MANIFEST)).toEqual(whole);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    };
    for (let at = 0; at < token.length; at++) {
      for (const bit of [0x01, 0x80]) {
        const changed = Buffer.from(token);
        changed[at] = (changed[at] as number) ^ bit;
        check(changed);
      }
      expect(() => checkTimestamp(token.subarray(0, at), MANIFEST)).toThrow(FormatError);
    }
    expect(() => checkTimestamp(Buffer.concat([token, Buffer.alloc(1)]), MANIFEST)).toThrow(FormatError);
    const isRefused = (bytes: Uint8Array) => void expect(() => checkTimestamp(bytes, MANIFEST)).toThrow(FormatError);
    fc.assert(fc.property(fc.uint8Array({ maxLength: 64 }), isRefused));
  });
});

describe('the distinguished encoding', () => {
  it('is read as it was written, at any length', () => {
    for (const length of [0, 1, 127, 128, 255, 256, 65_535, 65_536]) {
      const value = readDer(writeDer(DER.octets, Buffer.alloc(length, 7)));
      expect([value.tag, value.contents.length, value.encoded.length > length]).toEqual([DER.octets, length, true]);
    }
    for (const text of ['1.2.840.113549.1.9.16.1.4', '2.16.840.1.101.3.4.2.1', '2.999.3', '0.9.2342'])
      expect(objectIdText(readDer(writeObjectId(text)).contents)).toBe(text);
  });
});
