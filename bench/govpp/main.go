// Command govpp is the other side of "npm run bench -- api": govpp does what vpp-api-ts does, on the same socket, in
// turns. It reads one order per line, {"op": "ping", "count": 1000}, and answers with one line, {"operations": 1000,
// "seconds": 0.05}, or {"error": "..."}. It ends with its standard input.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/sirupsen/logrus"
	"go.fd.io/govpp"
	"go.fd.io/govpp/core"
)

// Order is one measurement.
type Order struct {
	// Op names one of the functions of operations.go.
	Op string `json:"op"`
	// Count is how many requests, or dumps.
	Count int `json:"count"`
	// Window is how many requests may be with VPP at once.
	Window int `json:"window"`
}

// Result is what one measurement took. Items counts replies, or the details of all dumps.
type Result struct {
	Operations int     `json:"operations"`
	Items      int     `json:"items"`
	Seconds    float64 `json:"seconds"`
	Error      string  `json:"error,omitempty"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: govpp SOCKET")
		os.Exit(2)
	}
	quiet := logrus.New()
	quiet.Level = logrus.ErrorLevel
	core.SetLogger(quiet)
	conn, err := govpp.Connect(os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, "govpp:", err)
		os.Exit(1)
	}
	defer conn.Disconnect()

	answers := json.NewEncoder(os.Stdout)
	if err := answers.Encode(map[string]string{"version": govpp.Version()}); err != nil {
		os.Exit(1)
	}
	orders := bufio.NewScanner(os.Stdin)
	for orders.Scan() {
		if err := answers.Encode(carryOut(conn, orders.Bytes())); err != nil {
			os.Exit(1)
		}
	}
}

func carryOut(conn *core.Connection, line []byte) Result {
	var order Order
	if err := json.Unmarshal(line, &order); err != nil {
		return Result{Error: err.Error()}
	}
	operation, known := operations[order.Op]
	if !known || order.Count < 1 || order.Count > 1_000_000 || order.Window < 1 || order.Window > 10_000 {
		return Result{Error: fmt.Sprintf("not an order: %s", line)}
	}
	started := time.Now()
	items, err := operation(conn, order)
	result := Result{Operations: order.Count, Items: items, Seconds: time.Since(started).Seconds()}
	if err != nil {
		result.Error = err.Error()
	}
	return result
}
