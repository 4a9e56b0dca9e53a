// sigstore-js: its witness asks for the timestamp, its verifier checks it: stamp_sigstore_js.mjs URL FILE CHAIN-PEM
import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { TSAWitness } from '@sigstore/sign'

const require = createRequire(import.meta.url)
const inside = (name, file) => require(path.join(path.dirname(require.resolve(`${name}/package.json`)), file))
const { verifyRFC3161Timestamp } = inside('@sigstore/verify', 'dist/timestamp/tsa.js')
const core = createRequire(require.resolve('@sigstore/verify/package.json'))('@sigstore/core')

const [url, file, chainFile] = process.argv.slice(2)
const data = readFileSync(file)
const chain = readFileSync(chainFile, 'utf8').match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g)
const witness = new TSAWitness({ tsaBaseURL: url })
const content = { $case: 'messageSignature', messageSignature: { signature: data } }
const { rfc3161Timestamps } = await witness.testify(content)
const timestamp = core.RFC3161Timestamp.parse(Buffer.from(rfc3161Timestamps[0].signedTimestamp))
const certificates = chain.map((pem) => core.X509Certificate.parse(new X509Certificate(pem).raw))
const always = { start: new Date(0), end: new Date(8640000000000000) }
const authorities = [{ certChain: certificates, validFor: always }]
verifyRFC3161Timestamp(timestamp, data, authorities)
let isRefused = false
try {
  verifyRFC3161Timestamp(timestamp, Buffer.concat([data, Buffer.from('x')]), authorities)
} catch {
  isRefused = true
}
if (!isRefused) throw new Error('other data verifies too')
console.log('verified', timestamp.signingTime.toISOString())
