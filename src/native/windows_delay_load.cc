// Windows only. The addon asks for Node-API functions of "node.exe", but the program that has loaded it may have
// another name: Electron's is that of the app. The linker's delay-load helper asks this hook before it loads a library.
#include <delayimp.h>
#include <windows.h>

#include <cstring>

namespace {

FARPROC WINAPI use_loading_program(unsigned event, PDelayLoadInfo info) {
  if (event != dliNotePreLoadLibrary || _stricmp(info->szDll, "node.exe") != 0) return nullptr;
  // Node as a shared library exports the functions from there.
  HMODULE host = GetModuleHandleW(L"libnode.dll");
  if (host == nullptr) host = GetModuleHandleW(nullptr);
  return reinterpret_cast<FARPROC>(host);
}

}  // namespace

extern "C" const PfnDliHook __pfnDliNotifyHook2 = use_loading_program;
