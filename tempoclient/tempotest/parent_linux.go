package tempotest

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel kill the child when the thread that started it
// ends, and so when this process ends in whatever way.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
