package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU time in /proc: USER_HZ, which is 100 on every Linux that Go runs on.
const tick = 10 * time.Millisecond

// costs is CPU time by who spent it.
type costs struct {
	generator time.Duration // this process: the load, or the limit's own driver
	server    time.Duration
	database  time.Duration
}

func (c costs) over(n int) costs {
	k := time.Duration(max(n, 1))
	return costs{c.generator / k, c.server / k, c.database / k}
}

func (c costs) total() time.Duration { return c.generator + c.server + c.database }

// String lists the parts that there are, in microseconds.
func (c costs) String() string {
	parts := []string{us(c.generator) + " here"}
	if c.server > 0 {
		parts = append(parts, us(c.server)+" server")
	}
	if c.database > 0 {
		parts = append(parts, us(c.database)+" database")
	}
	return strings.Join(parts, " + ")
}

// usage is a reading of CPU time used so far.
type usage struct {
	costs
	machine time.Duration // by everybody
}

func (u usage) since(before usage) usage {
	u.generator -= before.generator
	u.server -= before.server
	u.database -= before.database
	u.machine -= before.machine
	return u
}

// strangers returns how many cores programs used that have no part in this.
func (u usage) strangers(elapsed time.Duration) float64 {
	own := u.generator + u.server + u.database
	return max(0, float64(u.machine-own)/float64(elapsed))
}

// usage reads /proc. Elsewhere than on Linux it is zero, and the table says nothing of CPU.
func (l *lab) usage() usage {
	var u usage
	u.machine = machineTime()
	me := os.Getpid()
	parents := map[int]int{}
	spent := map[int]time.Duration{}
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, f := range files {
		if pid, parent, cpu, ok := processTime(f); ok {
			parents[pid], spent[pid] = parent, cpu
		}
	}
	for pid, cpu := range spent {
		switch {
		case pid == me:
			u.generator += cpu
		case pid == l.postmaster || parents[pid] == l.postmaster && l.postmaster != 0:
			u.database += cpu
		case parents[pid] == me:
			u.server += cpu
		}
	}
	return u
}

// machineTime is the time that all cores were not idle (proc(5), /proc/stat).
func machineTime() time.Duration {
	b, _ := os.ReadFile("/proc/stat")
	line, _, _ := bytes.Cut(b, []byte("\n"))
	fields := strings.Fields(string(line))
	var ticks time.Duration
	for i, f := range fields {
		const idle, iowait, guest = 4, 5, 9 // guest time is in user time already
		if i == 0 || i == idle || i == iowait || i >= guest {
			continue
		}
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += time.Duration(n)
	}
	return ticks * tick
}

// processTime reads one /proc/PID/stat. The name in it may hold anything, so what follows its
// last parenthesis counts.
func processTime(file string) (pid, parent int, cpu time.Duration, ok bool) {
	b, err := os.ReadFile(file)
	if err != nil {
		return 0, 0, 0, false // it has ended
	}
	text := string(b)
	fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:])
	if len(fields) < 13 {
		return 0, 0, 0, false
	}
	pid, _ = strconv.Atoi(text[:strings.IndexByte(text, ' ')])
	parent, _ = strconv.Atoi(fields[1])
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	return pid, parent, time.Duration(user+system) * tick, true
}

// resident returns a process's resident memory in megabytes (10^6 bytes).
func resident(pid int) (float64, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(b)) {
		if kb, found := strings.CutPrefix(line, "VmRSS:"); found {
			n, err := strconv.ParseFloat(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(kb), "kB")), 64)
			return n * 1024 / 1e6, err
		}
	}
	return 0, fmt.Errorf("process %d tells no VmRSS", pid)
}
