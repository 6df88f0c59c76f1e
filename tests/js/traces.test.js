// The traces of other circuit breakers, replayed through the class as a user has it. What the traces mean stands in tests/traces.

import * as halfopen from '../../pkg/index.js'
import { throughTheClass } from '../traces/class.js'
import { replayAll } from '../traces/suite.js'

replayAll('class', throughTheClass(halfopen))
