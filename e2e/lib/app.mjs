// Starts the apps of a journey and stops them with it.
import { spawn } from 'node:child_process';

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGTERM')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

// start runs `node ...args` and resolves when the address answers anything at all.
export async function start(args, { cwd, env, answers }) {
  const child = spawn(process.execPath, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const app = { output: '', stop: () => child.kill('SIGTERM') };
  child.stdout.on('data', (data) => { app.output += data; });
  child.stderr.on('data', (data) => { app.output += data; });
  child.on('exit', (code) => { app.exited = code ?? 'killed'; running.delete(child); });
  for (const until = Date.now() + 60_000; Date.now() < until;) {
    if (app.exited !== undefined) throw new Error(`${args.join(' ')} ended with ${app.exited}: ${app.output.slice(-800)}`);
    const answered = await fetch(answers, { redirect: 'manual' }).catch(() => null);
    if (answered) return app;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${args.join(' ')} does not answer: ${app.output.slice(-800)}`);
}
