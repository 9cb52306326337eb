package email

import (
	"io"
	"log"
)

// quiet is for servers of tests whose complaints are expected.
var quiet = log.New(io.Discard, "", 0)
