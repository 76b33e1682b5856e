package child

import (
	"os/exec"
	"syscall"
)

// endWithParent makes the kernel kill the child when the thread that started the
// child ends, and therefore also when this process ends for any reason.
func endWithParent(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}
