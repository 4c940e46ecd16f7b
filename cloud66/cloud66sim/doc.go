// Package cloud66sim simulates the Cloud 66 API v3 with its state: stacks, their deployments, the queue of each stack, stack
// actions, services, scopes and the hourly rate limit, and faults on demand.
//
// It is for tests and for the demonstration. It has wire types of its own, so that it cannot hide a mistake of the client's, and
// it refuses what the API's documents do not allow. It starts no goroutine: whatever time does to the state is worked out from
// time.Now at each access, so it runs in a testing/synctest bubble and leaves nothing behind. The same calls give the same ids,
// hashes and durations.
package cloud66sim
