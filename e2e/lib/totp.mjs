// An authenticator app as anybody would write one from RFC 6238.
import { createHmac } from 'node:crypto';

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

const bytes = (key) => {
  const bits = [...key.replaceAll(' ', '')].map((digit) => digits.indexOf(digit).toString(2).padStart(5, '0')).join('');
  return Buffer.from(bits.match(/.{8}/g).map((byte) => parseInt(byte, 2)));
};

const code = (key, step) => {
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(step));
  const mac = createHmac('sha1', bytes(key)).update(counter).digest();
  return String((mac.readUInt32BE(mac.at(-1) & 15) & 0x7fffffff) % 1_000_000).padStart(6, '0');
};

// app holds one key, in base32. It shows each code once: a time step is used once, so it waits for a fresh one.
export function app(key) {
  let used = 0;
  return async () => {
    const now = () => Math.floor(Date.now() / 30_000);
    while (now() + 1 <= used) await new Promise((done) => { setTimeout(done, 500); }); // the step to come counts, too
    used = Math.max(used + 1, now());
    return code(key, used);
  };
}
