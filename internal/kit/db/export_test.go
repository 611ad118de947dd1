package db

// Queued returns how many statements of Once wait for a batch, for tests of what is sent together.
func Queued(d *DB) int {
	d.writes.mu.Lock()
	defer d.writes.mu.Unlock()
	return len(d.writes.queue)
}
