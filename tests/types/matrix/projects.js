// Throw-away projects with the packed tarball installed, one for each host and kind of module, and a compiler's word on one. It must not know which
// settings there are.
//
// TypeScript up to 6 is asked through its API, for the diagnostics of the project's files and of the package's, which takes a quarter of what its command
// takes: that checks the types of the host as well, twice. TypeScript 7 has a quick command and no such API.

import { execFile } from 'node:child_process'
import { cp, mkdir, rm, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { project } from '../../package/support.js'

const here = fileURLToPath(new URL('.', import.meta.url))
const packages = join(here, 'node_modules')
const workshop = fileURLToPath(new URL('../../../node_modules', import.meta.url))
const require = createRequire(import.meta.url)

/** The types of a host, as the package that they are imported by. */
const typesOf = (host) => (host.startsWith('node') ? '@types/node' : host === 'workers' ? '@cloudflare/workers-types' : undefined)

/** What a compiler says of the files of a project, by its command. */
function byCommand(version, dir, config) {
  const bin = join(packages, `typescript${version}`, 'bin/tsc')
  return new Promise((fulfil, reject) => {
    execFile(process.execPath, [bin, '--project', config, '--pretty', 'false'], { cwd: dir, maxBuffer: 64 << 20 }, (error, stdout, stderr) => {
      if (error && stdout === '') reject(new Error(`tsc ${version} failed: ${stderr}`, { cause: error }))
      else fulfil(stdout.trim())
    })
  })
}

/** The files of hosts and of TypeScript, which all projects read: parsed once for each way to parse them. */
const parsed = new Map()

/** The same by its API. What `config` emits is written. */
function byApi(version, dir, config) {
  const ts = require(`typescript${version}`)
  const { options, fileNames, errors } = ts.getParsedCommandLineOfConfigFile(join(dir, config), {}, { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (error) => errors.push(error) })
  const host = ts.createCompilerHost(options)
  const read = host.getSourceFile
  host.getSourceFile = (name, how, ...rest) => {
    if (!name.startsWith(packages)) return read(name, how, ...rest)
    const key = `${version} ${name} ${how.languageVersion} ${how.impliedNodeFormat} ${options.module}`
    if (!parsed.has(key)) parsed.set(key, read(name, how, ...rest))
    return parsed.get(key)
  }
  const program = ts.createProgram(fileNames, options, host)
  const ours = program.getSourceFiles().filter(({ fileName }) => fileName.startsWith(dir))
  const found = [...errors, ...program.getOptionsDiagnostics(), ...program.getGlobalDiagnostics()]
  for (const file of ours) found.push(...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file))
  // One by one: asked to emit all, it checks the host's types first.
  if (!options.noEmit) for (const name of fileNames) found.push(...program.emit(program.getSourceFile(name)).diagnostics)
  if (!ours.some(({ fileName }) => fileName.includes('node_modules/halfopen/'))) throw new Error('Expected a program with the package in it')
  return ts.formatDiagnostics(found, { getCanonicalFileName: (name) => name, getCurrentDirectory: () => dir, getNewLine: () => '\n' }).trim()
}

/** The projects of a test run. `remove()` takes them away. */
export async function projects() {
  const user = await project()
  const made = new Map()

  /** The project of a host and a kind of module. */
  async function of(host, type) {
    const dir = join(user.dir, `${host}-${type}`)
    await mkdir(join(dir, 'node_modules'), { recursive: true })
    await writeFile(join(dir, 'package.json'), JSON.stringify({ name: 'user', private: true, type }))
    await cp(join(here, 'users'), join(dir, 'users'), { recursive: true })
    await cp(user.installed, join(dir, 'node_modules/halfopen'), { recursive: true })
    for (const [name, path] of [['undici7', 'undici'], ['undici8', 'undici8']]) await symlink(join(workshop, path), join(dir, 'node_modules', name))
    const types = typesOf(host)
    if (types !== undefined) {
      await mkdir(dirname(join(dir, 'node_modules', types)), { recursive: true })
      await symlink(join(packages, host), join(dir, 'node_modules', types))
    }
    return dir
  }

  let count = 0
  return {
    /**
     * What a compiler says of these files, or of the declarations that it makes of them.
     *
     * @returns {Promise<string>} Empty when it has nothing to say.
     */
    async complaints({ typescript, host, type, compilerOptions, files }) {
      const key = `${host}-${type}`
      if (!made.has(key)) made.set(key, of(host, type))
      const dir = await made.get(key)
      const out = `out-${++count}`
      const check = async (name, config) => {
        await writeFile(join(dir, name), JSON.stringify(config))
        return typescript.startsWith('7') ? byCommand(typescript, dir, name) : byApi(typescript, dir, name)
      }
      const said = await check(`${out}.json`, {
        compilerOptions: { ...compilerOptions, rootDir: 'users', outDir: out, emitDeclarationOnly: true },
        files: files.map((name) => `users/${name}`),
      })
      if (said !== '') return said
      return check(`${out}-made.json`, {
        compilerOptions: { ...compilerOptions, noEmit: true },
        files: files.map((name) => `${out}/${name.replace(/\.(c?)ts$/, '.d.$1ts')}`),
      })
    },
    /** Puts a file into the project of a host and a kind of module, for `complaints` about it. */
    async write(host, type, name, text) {
      const key = `${host}-${type}`
      if (!made.has(key)) made.set(key, of(host, type))
      await writeFile(join(await made.get(key), 'users', name), text)
    },
    installed: user.installed,
    remove: () => rm(user.dir, { recursive: true, force: true }),
  }
}
