// Command health asks a node or a service of a container whether it works, and exits 0 if so.
//
//	health PORT              a JSON-RPC node: eth_blockNumber must have a result
//	health PORT METHOD       another JSON-RPC method
//	health PORT /path        an HTTP endpoint: its status must be 200
//
// It speaks just enough HTTP over a plain socket to need no library: the whole program is 2 MB.
package main

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

const patience = 4 * time.Second

func main() {
	if len(os.Args) < 2 || len(os.Args) > 3 {
		fail("usage: health PORT [METHOD | /path]")
	}
	what := "eth_blockNumber"
	if len(os.Args) == 3 {
		what = os.Args[2]
	}
	if err := ask(os.Args[1], what); err != nil {
		fail(err.Error())
	}
}

func fail(why string) {
	fmt.Println(why)
	os.Exit(1)
}

func ask(port, what string) error {
	connection, err := net.DialTimeout("tcp", net.JoinHostPort("127.0.0.1", port), patience)
	if err != nil {
		return err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := io.WriteString(connection, request(what)); err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(bufio.NewReader(connection), 1<<16))
	if err != nil && len(answer) == 0 {
		return err
	}
	return judge(string(answer), strings.HasPrefix(what, "/"))
}

func request(what string) string {
	head := "Host: localhost\r\nConnection: close\r\n"
	if strings.HasPrefix(what, "/") {
		return "GET " + what + " HTTP/1.1\r\n" + head + "\r\n"
	}
	body := `{"jsonrpc":"2.0","id":1,"method":"` + what + `","params":[]}`
	return fmt.Sprintf("POST / HTTP/1.1\r\n%sContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
		head, len(body), body)
}

func judge(answer string, plain bool) error {
	status, _, _ := strings.Cut(answer, "\r\n")
	if !strings.Contains(status, " 200 ") {
		return fmt.Errorf("answered %q", status)
	}
	if !plain && !strings.Contains(answer, `"result"`) {
		return fmt.Errorf("answered without a result")
	}
	return nil
}
