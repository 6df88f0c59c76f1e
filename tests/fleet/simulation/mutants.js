/**
 * The protocol with one rule broken, rule by rule, and the protocol as it is: what checks it has to tell the two apart. A mutant is the protocol's own text
 * with one place changed, loaded from a folder of its own.
 *
 * Must not know: how a fault is found.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * `by`: the rule of `checker.js` that is to say so, or else the question of `questions.js` that it fails.
 *
 * @type {{ name: string, file: string, from: string, to: string, by: string }[]}
 */
export const MUTANTS = [
  { name: 'a second member is given the test', file: 'register.js', from: "if (r.state !== 'due') return 0", to: "if (r.state !== 'due' && r.state !== 'testing') return 0", by: 'lease' },
  { name: 'a test is given before it is due', file: 'register.js', from: "if (r.state !== 'due') return 0", to: "if (r.state === 'testing') return 0", by: 'lease' },
  { name: 'who has lost the test decides by it', file: 'register.js', from: "return this.r.state === 'testing' && this.r.holder === id && this.r.grant === grant", to: "return this.r.state === 'testing'", by: 'decides' },
  { name: 'a grant of the past counts', file: 'register.js', from: ' && this.r.grant === grant', to: '', by: 'decides' },
  { name: 'each test has the same number', file: 'register.js', from: '        r.grant += 1\n', to: '', by: 'lease' },
  { name: 'a lease never ends', file: 'register.js', from: "r.state === 'testing' && now >= r.until", to: "r.state === 'testing' && now > 1e300", by: 'person' },
  { name: 'an open circuit is never due', file: 'register.js', from: "r.state === 'open' && now >= r.until", to: "r.state === 'open' && now > 1e300", by: 'person' },
  { name: 'a hearing never ends', file: 'register.js', from: 'if (now >= r.until && (this.hasQuorumOfAnswers() || now >= r.since + settings.longestHearing)) this.endHearing()', to: '', by: 'person' },
  { name: 'successes of tests are forgotten', file: 'register.js', from: 'r.successes += 1', to: 'r.successes = 1', by: 'person' },
  { name: 'a verdict is no new epoch, and a change has no new revision', file: 'register.js', from: '    r.revision += 1\n    if (isVerdict)', to: '    if (isVerdict)', by: 'names' },
  { name: 'what is asserted is taken though it is older', file: 'register.js', from: 'if (known.epoch < r.epoch || (known.epoch === r.epoch && known.revision <= r.revision)) return 0', to: '', by: 'order' },
  { name: 'what is asserted is taken without its epoch', file: 'register.js', from: '    r.epoch = known.epoch\n', to: '', by: 'assert' },
  { name: 'an open verdict that is asserted is taken for a quiet one', file: 'register.js', from: "      case 'open':\n        this.enter('open', now + Math.min(known.dueIn, settings.longestRecovery), false, true)\n        break\n", to: '', by: 'assert' },
  { name: 'one test is enough', file: 'register.js', from: 'r.successes >= settings.successes', to: 'r.successes >= 1', by: 'closing' },
  { name: 'one who is well closes the circuit of all', file: 'register.js', from: 'r.sums.heard >= settings.quorum &&', to: '', by: 'closing' },
  { name: 'nobody is forgotten when a hearing begins', file: 'register.js', from: 'r.before = r.sums.sick\n    this.wipe()', to: 'r.before = r.sums.sick', by: 'evidence' },
  { name: 'members do not drop out with the window', file: 'register.js', from: 'if (!isFresh || at > now) this.drop(id)', to: 'if (at > now) this.drop(id)', by: 'person' },
  { name: 'calls of a member are not clipped', file: 'register.js', from: 'if (calls <= clip) return', to: 'if (calls >= 0) return', by: 'evidence' },
  { name: 'there is no quorum', file: 'register.js', from: 'sums.bad >= settings.quorum &&', to: '', by: 'evidence' },
  { name: 'a hearing opens at once', file: 'register.js', from: 'return now >= since + settings.interval &&', to: 'return now >= since &&', by: 'evidence' },
  { name: 'a member counts as often as it reports', file: 'register.js', from: '    this.drop(command.id)\n    // But', to: '    // But', by: 'evidence' },
  { name: 'half of those heard need not be bad', file: 'register.js', from: 'sums.bad >= settings.quorumRate * sums.some', to: 'true', by: 'loud hosts' },
  { name: 'half of those asked need not be heard', file: 'register.js', from: 'return this.r.sums.heard * 2 >= Math.min(', to: 'return 0 <= Math.min(', by: 'bad hosts' },
  { name: 'time is not a difference: each process has its wall clock', file: 'register.js', from: 'const left = Math.max(0, r.until - now)', to: 'const left = Math.max(0, r.until)', by: 'outage' },
  { name: 'what comes from the store is counted from the wall clock', file: 'member.js', from: 'this.at = home.now()', to: 'this.at = Date.now()', by: 'outage' },
  { name: 'all let go at once', file: 'member.js', from: 'this.home.random() * reply.spreadIn', to: '0 * reply.spreadIn', by: 'brown-out' },
  { name: 'a process does not say that it knows better', file: 'member.js', from: 'return recent.calls >= ENOUGH && !this.#isSick(recent)', to: 'return false', by: 'another zone' },
  { name: 'old news are believed', file: 'member.js', from: 'if (known !== undefined && isOlder(reply, known)) {', to: 'if (known === null) {', by: 'network' },
  { name: 'nobody tells a store what it lost', file: 'member.js', from: "if (isAnswer && before !== undefined && isOlder(reply, before)) this.#assert()", to: '', by: 'lost store' },
  { name: 'a test starts though it was not granted', file: 'member.js', from: 'reply === undefined || reply.granted === 0', to: 'reply === undefined', by: 'one test' },
  { name: 'nobody draws: each call asks for the test', file: 'member.js', from: 'if (calls > 1 && home.random() * calls >= 2 ** Math.floor((now - since) / DRAW)) return false', to: '', by: 'load' },
  { name: 'a claim that was not granted is still there', file: 'member.js', from: '      if (this.#test === test) this.#test = undefined\n      // It', to: '      if (this.#test === test) ;\n      // It', by: 'schedules' },
  { name: 'a test that ended is still there', file: 'member.js', from: '    if (this.#test === test) this.#test = undefined\n  }\n\n  #report', to: '  }\n\n  #report', by: 'schedules' },
  { name: 'a process tells a store but once in its life what it lost', file: 'member.js', from: '    this.#isAsserting = false\n', to: '', by: 'lost store' },
  { name: 'a dead store holds circuits for ever', file: 'member.js', from: 'if (this.isLocal || known === undefined', to: 'if (true || known === undefined', by: 'dead store' },
  { name: 'a lease is not renewed', file: 'member.js', from: 'if (test === undefined) return\n    const reply = await this.#run', to: 'if (test !== null) return\n    const reply = await this.#run', by: 'long test' }
]

/**
 * Loads the protocol with one place changed.
 *
 * @param {{ file: string, from: string, to: string }} mutant
 * @returns {Promise<{ register: any, fleet: any }>}
 */
export async function load({ file, from, to }) {
  const folder = mkdtempSync(join(tmpdir(), 'halfopen-mutant-'))
  try {
    for (const room of ['base', 'fleet']) cpSync(join(ROOT, 'js', room), join(folder, 'js', room), { recursive: true })
    writeFileSync(join(folder, 'package.json'), '{"type":"module"}')
    const path = join(folder, 'js/fleet', file)
    const text = readFileSync(path, 'utf8')
    const places = text.split(from).length - 1
    if (places !== 1) throw new Error(`js/fleet/${file} has ${places} places like: ${from}`)
    writeFileSync(path, text.replace(from, () => to))
    const [register, fleet] = await Promise.all(['register.js', 'fleet.js'].map((name) => import(pathToFileURL(join(folder, 'js/fleet', name)).href)))
    return { register, fleet }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
