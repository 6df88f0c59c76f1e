/**
 * Redis servers for tests: on free ports of 127.0.0.1, in folders that go, ended by their ids.
 *
 * Must not know: what is kept in them.
 */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '../ports.js'

const toolchain = fileURLToPath(new URL('../../scripts/toolchain.sh', import.meta.url))

/** The server that set-up found or unpacked. */
let found
export function server() {
  found ??= execFileSync('bash', ['-c', 'source "$0" && find_redis', toolchain], { encoding: 'utf8' }).trim()
  return found
}

/** One command by a connection of its own, as text in and out: enough for PING and CLUSTER. */
export async function ask(port, ...args) {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.write(`*${args.length}\r\n${args.map((arg) => `$${Buffer.byteLength(String(arg))}\r\n${arg}\r\n`).join('')}`)
  let text = ''
  try {
    for await (const chunk of socket) {
      text += chunk
      const bulk = /^\$(\d+)\r\n/.exec(text)
      if (bulk ? text.length >= bulk[0].length + Number(bulk[1]) + 2 : text.endsWith('\r\n')) break
    }
  } catch {}
  socket.destroy()
  return text
}

/**
 * Starts a server. It is ended by `end`, and at the end of this process at the latest.
 *
 * @param {object} [options]
 * @param {number} [options.port]
 * @param {Record<string, string>} [options.settings] Lines of its configuration.
 */
export async function startRedis({ port, settings = {} } = {}) {
  // A cluster's node talks to others at its port + 10000.
  port ??= await freePort(settings['cluster-enabled'] ? 55_000 : undefined)
  const folder = mkdtempSync(join(tmpdir(), 'halfopen-redis-'))
  const lines = { bind: '127.0.0.1', port, dir: folder, save: '""', appendonly: 'no', daemonize: 'no', 'protected-mode': 'yes', ...settings }
  writeFileSync(join(folder, 'redis.conf'), Object.entries(lines).map(([name, value]) => `${name} ${value}\n`).join(''))
  const child = spawn(server(), [join(folder, 'redis.conf')], { stdio: 'ignore' })
  const atExit = () => child.kill('SIGKILL')
  process.on('exit', atExit)
  const gone = once(child, 'exit')
  while (!(await ask(port, 'PING')).includes('PONG')) {
    if (child.exitCode !== null) throw new Error(`redis-server ended by ${child.exitCode}`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  return {
    port,
    pid: child.pid,
    url: `redis://127.0.0.1:${port}`,
    /** @param {NodeJS.Signals} [signal] */
    async end(signal = 'SIGKILL') {
      child.kill('SIGCONT')
      child.kill(signal)
      await gone
      process.off('exit', atExit)
      rmSync(folder, { recursive: true, force: true })
    },
    stop: () => child.kill('SIGSTOP'),
    go: () => child.kill('SIGCONT')
  }
}

/** Three nodes that share all slots. */
export async function startCluster() {
  const nodes = []
  for (let i = 0; i < 3; i++) nodes.push(await startRedis({ settings: { 'cluster-enabled': 'yes', 'cluster-node-timeout': '2000' } }))
  const ranges = [[0, 5460], [5461, 10_922], [10_923, 16_383]]
  for (const [i, { port }] of nodes.entries()) {
    await ask(port, 'CLUSTER', 'SET-CONFIG-EPOCH', i + 1)
    await ask(port, 'CLUSTER', 'ADDSLOTSRANGE', ...ranges[i])
    if (i > 0) await ask(port, 'CLUSTER', 'MEET', '127.0.0.1', nodes[0].port)
  }
  for (const { port } of nodes) {
    while (!/cluster_state:ok[^]*cluster_known_nodes:3/.test(await ask(port, 'CLUSTER', 'INFO'))) await new Promise((resolve) => setTimeout(resolve, 20))
  }
  return { nodes, end: () => Promise.all(nodes.map((node) => node.end())) }
}
