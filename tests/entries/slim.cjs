// As slim.js, for CommonJS.

const { readFileSync } = require('node:fs')
const { join } = require('node:path')
const slim = require('../../pkg/slim.cjs')

slim.initSync(readFileSync(join(__dirname, '../../pkg/slim.wasm')))
module.exports = slim
