package dbtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"sort"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// Cluster is a throwaway PostgreSQL server that listens on a socket of its own and goes
// away with the process that started it, however that ends.
type Cluster struct {
	dir   string
	bin   string
	as    *syscall.Credential
	stdin io.Closer
	cmd   *exec.Cmd
}

// Roles of every cluster. Gatehouse is migrated by owner and served by app, which neither
// owns tables nor bypasses row-level security.
const (
	Super = "postgres"
	Owner = "gatehouse_owner"
	App   = "gatehouse_app"
)

// lifeline starts the server, waits until its standard input closes, which it does when the
// process that started it is gone, and clears everything away.
const lifeline = `"$1/pg_ctl" -D "$2/data" -l "$2/log" -w start >"$2/start.log" 2>&1 || exit 1
echo up
read -r _
"$1/pg_ctl" -D "$2/data" -m immediate stop >/dev/null 2>&1
rm -rf "$2"`

// StartCluster makes and starts a server with the given settings, for example "fsync=on".
// The default is fsync=off, on files in memory where there is room: fast, and safe against
// everything but a crash of the machine.
func StartCluster(settings ...string) (*Cluster, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	under := memory()
	if slices.Contains(settings, "fsync=on") {
		under = "" // what waits for a disk is to wait for a real one
	}
	dir, err := os.MkdirTemp(under, "gatehouse-pg-")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, bin: bin}
	if err := c.start(settings); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	return c, nil
}

// memory returns a folder whose files live in memory, or "" where there is none with room.
// Every test makes a database, which is a copy of some 300 files: ten times as fast there.
func memory() string {
	const folder, room = "/dev/shm", 4 << 30 // bytes; containers often have 64 MB
	var at syscall.Statfs_t
	if err := syscall.Statfs(folder, &at); err != nil || uint64(at.Bavail)*uint64(at.Bsize) < room {
		return ""
	}
	return folder
}

func (c *Cluster) start(settings []string) error {
	if err := c.chooseUser(); err != nil {
		return err
	}
	if out, err := c.run("initdb", "--no-sync", "--auth=trust", "--username="+Super, "--encoding=UTF8", "--locale=C", "-D", c.dir+"/data"); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	conf := []string{"listen_addresses=''", "unix_socket_directories='" + c.dir + "'", "fsync=off", "max_connections=200", "deadlock_timeout=100ms"}
	for _, s := range append(conf, settings...) {
		if err := appendLine(c.dir+"/data/postgresql.conf", s); err != nil {
			return err
		}
	}
	if err := c.launch(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	return c.Exec(ctx, "postgres",
		"CREATE ROLE "+Owner+" LOGIN NOSUPERUSER NOBYPASSRLS",
		"CREATE ROLE "+App+" LOGIN NOSUPERUSER NOBYPASSRLS")
}

func (c *Cluster) launch() error {
	c.cmd = exec.Command("/bin/sh", "-c", lifeline, "lifeline", c.bin, c.dir)
	c.cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as, Setpgid: true}
	c.cmd.Dir = c.dir
	in, err := c.cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := c.cmd.Start(); err != nil {
		return err
	}
	c.stdin = in
	up := make([]byte, 3)
	if _, err := io.ReadFull(out, up); err != nil {
		log, _ := os.ReadFile(filepath.Join(c.dir, "log"))
		return fmt.Errorf("postgres did not start: %s", log)
	}
	return nil
}

// Stop ends the server and removes its files.
func (c *Cluster) Stop() error {
	_ = c.stdin.Close()
	return c.cmd.Wait()
}

// Restart stops the server as a crash would and starts it again on the same data.
func (c *Cluster) Restart() error {
	out, err := c.run("pg_ctl", "-D", c.dir+"/data", "-l", c.dir+"/log", "-m", "immediate", "-w", "restart")
	if err != nil {
		return fmt.Errorf("restart: %w: %s", err, out)
	}
	return nil
}

// URL returns how role reaches database.
func (c *Cluster) URL(role, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s", role, database, c.dir)
}

// Programs returns the folder of PostgreSQL's own programs, such as pg_dump, of the server's version.
func (c *Cluster) Programs() string { return c.bin }

// Exec runs statements in database as superuser.
func (c *Cluster) Exec(ctx context.Context, database string, statements ...string) error {
	conn, err := pgx.Connect(ctx, c.URL(Super, database))
	if err != nil {
		return err
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing to lose
	for _, s := range statements {
		if _, err := conn.Exec(ctx, s); err != nil {
			return fmt.Errorf("%s: %w", s, err)
		}
	}
	return nil
}

func (c *Cluster) run(program string, args ...string) ([]byte, error) {
	cmd := exec.Command(filepath.Join(c.bin, program), args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c.as}
	cmd.Dir = c.dir
	var log strings.Builder
	file, err := os.CreateTemp("", "gatehouse-pg-out-")
	if err != nil {
		return nil, err
	}
	defer os.Remove(file.Name()) //nolint:errcheck // a temporary file
	defer file.Close()           //nolint:errcheck // a temporary file
	// A file, not a pipe: the server inherits it and would keep a pipe open.
	cmd.Stdout, cmd.Stderr = file, file
	err = cmd.Run()
	if _, seek := file.Seek(0, io.SeekStart); seek == nil {
		_, _ = io.Copy(&log, file)
	}
	return []byte(log.String()), err
}

// chooseUser picks who runs the server: PostgreSQL refuses to run as root.
func (c *Cluster) chooseUser() error {
	if os.Getuid() != 0 {
		return nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return errors.New("postgres refuses to run as root, and there is neither a user postgres nor nobody")
		}
	}
	uid, _ := strconv.ParseUint(u.Uid, 10, 32)
	gid, _ := strconv.ParseUint(u.Gid, 10, 32)
	c.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	return os.Chown(c.dir, int(uid), int(gid))
}

func appendLine(path, line string) error {
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, line)
	return errors.Join(err, f.Close())
}

// binaries finds PostgreSQL's programs: on the PATH, else the newest in Debian's place.
func binaries() (string, error) {
	if p, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(p), nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if len(found) == 0 {
		return "", errors.New("the tests need PostgreSQL's programs (initdb, pg_ctl): on Debian or Ubuntu run `apt-get install postgresql`, elsewhere install PostgreSQL 15 or newer and put its bin folder on the PATH")
	}
	sort.Slice(found, func(i, j int) bool { return major(found[i]) < major(found[j]) })
	return filepath.Dir(found[len(found)-1]), nil
}

func major(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	return n
}
