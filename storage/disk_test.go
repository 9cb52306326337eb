package storage

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"modernc.org/libc"
	sqlite3 "modernc.org/sqlite/lib"
)

// disk is a file system of SQLite's that stands before the real one. It counts what is synced, can make that slow, can
// refuse to write, and knows which bytes a power cut would take.
type disk struct {
	name   string
	syncs  atomic.Int64 // successful xSync calls
	delay  atomic.Int64 // of each sync, in nanoseconds
	refuse atomic.Int32 // result code of every write and sync, until it is 0 again
	remote atomic.Bool  // files opened from now on cannot share memory, as on some network file systems

	mu      sync.Mutex
	open    map[uintptr]string // path by SQLite's file
	durable map[string][]byte  // what is on the platter, by path; nil until record
	cached  map[string][]change

	keep []any // functions that SQLite knows by address
}

// change is a write that has not been synced; with nil data, a truncation to at.
type change struct {
	data []byte
	at   int64
}

var diskNumber atomic.Int64

// newDisk registers a disk, whose name goes into Options.vfs.
func newDisk(t testing.TB) *disk {
	t.Helper()
	d := &disk{name: fmt.Sprintf("test%d", diskNumber.Add(1)), open: map[uintptr]string{}}
	tls := libc.NewTLS()
	real := sqlite3.Xsqlite3_vfs_find(tls, 0)
	if real == 0 {
		t.Fatal("SQLite has no file system")
	}
	vfs := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_vfs{})))
	*at[sqlite3.Tsqlite3_vfs](vfs) = *at[sqlite3.Tsqlite3_vfs](real)
	name, err := libc.CString(d.name)
	if err != nil {
		t.Fatal(err)
	}
	v := at[sqlite3.Tsqlite3_vfs](vfs)
	v.FzName = name
	type opener = func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32
	realOpen := function[opener](v.FxOpen)
	methods := map[uintptr]uintptr{} // ours, by the real ones
	v.FxOpen = address(d, opener(func(tls *libc.TLS, _, path, file uintptr, flags int32, out uintptr) int32 {
		rc := realOpen(tls, real, path, file, flags, out)
		if m := *at[uintptr](file); rc == sqlite3.SQLITE_OK && m != 0 {
			d.mu.Lock()
			defer d.mu.Unlock()
			if methods[m] == 0 {
				methods[m] = d.methods(tls, m)
			}
			*at[uintptr](file) = methods[m]
			d.open[file] = libc.GoString(path)
		}
		return rc
	}))
	if rc := sqlite3.Xsqlite3_vfs_register(tls, vfs, 0); rc != sqlite3.SQLITE_OK {
		t.Fatalf("register the file system: %d", rc)
	}
	t.Cleanup(func() { runtime.KeepAlive(d) }) // stores opened on it are closed by then
	return d
}

// methods makes a table of file methods that calls the one at real.
func (d *disk) methods(tls *libc.TLS, real uintptr) uintptr {
	type (
		writer    = func(*libc.TLS, uintptr, uintptr, int32, int64) int32
		truncater = func(*libc.TLS, uintptr, int64) int32
		syncer    = func(*libc.TLS, uintptr, int32) int32
		closer    = func(*libc.TLS, uintptr) int32
	)
	ours := libc.Xcalloc(tls, 1, libc.Tsize_t(unsafe.Sizeof(sqlite3.Tsqlite3_io_methods{})))
	m := at[sqlite3.Tsqlite3_io_methods](ours)
	*m = *at[sqlite3.Tsqlite3_io_methods](real)
	if d.remote.Load() {
		m.FiVersion = 1 // says that the methods of shared memory are not there
	}
	write, truncate, sync, end := function[writer](m.FxWrite), function[truncater](m.FxTruncate), function[syncer](m.FxSync), function[closer](m.FxClose)
	m.FxWrite = address(d, writer(func(tls *libc.TLS, file, data uintptr, n int32, offset int64) int32 {
		if rc := d.refuse.Load(); rc != 0 {
			return rc
		}
		d.change(file, change{bytes.Clone(unsafe.Slice(at[byte](data), n)), offset})
		return write(tls, file, data, n, offset)
	}))
	m.FxTruncate = address(d, truncater(func(tls *libc.TLS, file uintptr, size int64) int32 {
		d.change(file, change{at: size})
		return truncate(tls, file, size)
	}))
	m.FxSync = address(d, syncer(func(tls *libc.TLS, file uintptr, flags int32) int32 {
		if rc := d.refuse.Load(); rc != 0 {
			return rc
		}
		rc := sync(tls, file, flags)
		if rc == sqlite3.SQLITE_OK {
			time.Sleep(time.Duration(d.delay.Load()))
			d.synced(file)
		}
		return rc
	}))
	m.FxClose = address(d, closer(func(tls *libc.TLS, file uintptr) int32 {
		d.mu.Lock()
		delete(d.open, file)
		d.mu.Unlock()
		return end(tls, file)
	}))
	return ours
}

// record takes what lies in dir as durable and follows from there.
func (d *disk) record(t testing.TB, dir string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	d.durable, d.cached = map[string][]byte{}, map[string][]change{}
	for _, name := range []string{databaseFile, databaseFile + "-wal"} {
		path := filepath.Join(dir, name)
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		d.durable[path] = data
	}
}

func (d *disk) change(file uintptr, c change) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if path := d.open[file]; d.durable != nil && !strings.HasSuffix(path, "-shm") {
		d.cached[path] = append(d.cached[path], c)
	}
}

func (d *disk) synced(file uintptr) {
	d.syncs.Add(1)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.durable == nil {
		return
	}
	path := d.open[file]
	for _, c := range d.cached[path] {
		d.durable[path] = c.apply(d.durable[path])
	}
	delete(d.cached, path)
}

// unsynced counts the changes that a power cut could take from the write-ahead log.
func (d *disk) unsynced() (n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, changes := range d.cached {
		if strings.HasSuffix(path, "-wal") {
			n += len(changes)
		}
	}
	return n
}

// cutPower writes into dir what a power cut at this moment leaves: all that was synced, and of the rest, by chance, some.
func (d *disk) cutPower(t testing.TB, dir string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, data := range d.durable {
		data = bytes.Clone(data)
		for _, c := range d.cached[path] {
			if rand.IntN(2) == 0 {
				data = c.apply(data)
			}
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(path)), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func (c change) apply(file []byte) []byte {
	end := c.at + int64(len(c.data))
	if c.data == nil && end < int64(len(file)) {
		return file[:end]
	}
	if missing := end - int64(len(file)); missing > 0 {
		file = append(file, make([]byte, missing)...)
	}
	copy(file[c.at:], c.data)
	return file
}

// at is the Go view of what lies at an address of SQLite's memory.
func at[T any](address uintptr) *T { return (*T)(*(*unsafe.Pointer)(unsafe.Pointer(&address))) }

// function makes an address callable: SQLite's functions are Go's, translated from C.
func function[F any](address uintptr) F {
	return *(*F)(unsafe.Pointer(&address))
}

// address is what SQLite can call f by. d keeps f alive.
func address[F any](d *disk, f F) uintptr {
	d.keep = append(d.keep, f)
	return *(*uintptr)(unsafe.Pointer(&f))
}
