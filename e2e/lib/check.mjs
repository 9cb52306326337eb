// What a journey found, one line each: PASS or FAIL, a tab, a sentence, and after another tab what was seen.
// The Go test that started the journey turns every line into a subtest (journey_test.go).
let failed = 0;
let passed = 0;

const shown = (seen) => {
  const text = typeof seen === 'string' ? seen : JSON.stringify(seen) ?? 'undefined';
  return text.replace(/\s+/g, ' ').slice(0, 1500);
};

// check says whether a sentence held, and what was seen.
export function check(sentence, held, seen) {
  if (held) passed++;
  else failed++;
  process.stdout.write(`${held ? 'PASS' : 'FAIL'}\t${sentence}${seen === undefined ? '' : `\t${shown(seen)}`}\n`);
  return Boolean(held);
}

// equal is a check that shows both sides where they differ.
export function equal(sentence, got, want) {
  const held = JSON.stringify(got) === JSON.stringify(want);
  return check(sentence, held, held ? got : { got, want });
}

// journey runs the steps and ends the program: with 0 only if something was checked and all of it held.
export async function journey(steps, always = async () => {}) {
  // The Go test holds the other end of stdin: when it goes, so do we, and everything we started.
  process.stdin.on('end', () => process.exit(2)).resume();
  try {
    await steps();
  } catch (error) {
    check('the journey reaches its end', false, error.stack ?? String(error));
  }
  await always().catch(() => {});
  process.stdout.write(`END\t${passed} held, ${failed} did not\n`);
  process.exit(failed || !passed ? 1 : 0);
}
