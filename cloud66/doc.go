// Package cloud66 is a typed client of the Cloud 66 API v3: deployments, stacks, services and stack actions.
//
// It stays under a budget of requests an hour that all callers share, repeats reads that failed on the way and never
// repeats what writes, and tells by [NothingDone] whether a write that failed certainly did not happen.
package cloud66
