"""Every message that Rollcall gives about a failure, a held change, or a limitation, in English and 中文.

Each says what happened and what to do. `{facts}` are ids, counts and codes, never people or secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from chalicelib.core.errors import Fact


class Lang(StrEnum):
    EN = "en"
    ZH = "zh"


CATALOGUE: Final[Mapping[str, tuple[str, str]]] = {
    # asking
    "unknown command": (
        "There is no command “{text}”. {hint}",
        "没有“{text}”这个命令。{hint}",
    ),
    "command is incomplete": (
        "That command needs more: {usage}",
        "命令不完整：{usage}",
    ),
    "command takes less": (
        "That is more than the command takes: {usage}",
        "命令的参数过多：{usage}",
    ),
    "unknown option": (
        "This command has no option --{option}: {usage}",
        "此命令没有选项 --{option}：{usage}",
    ),
    "forbidden": (
        "You need the role {role} for this. Ask an owner to give it to you.",
        "此操作需要{role}权限，请联系所有者授权。",
    ),
    "unknown trigger": (
        "Tasks are not triggered by “{trigger}”. There are: {triggers}.",
        "没有“{trigger}”这种触发方式。可用的有：{triggers}。",
    ),
    "no such source": (
        "There is no source “{handle}”. `sources` lists those there are.",
        "没有名为“{handle}”的来源。输入 `来源` 查看全部来源。",
    ),
    "no such task": (
        "There is no task {task}. `records` lists those there are.",
        "没有任务 {task}。输入 `记录` 查看全部任务。",
    ),
    "no such entry": (
        "There is no entry {entry}. `employees` or `departments` list those there are.",
        "没有条目 {entry}。输入 `员工` 或 `部门` 查看。",
    ),
    "entry not in task": (
        "Task {task} has no row for {entry}. `record {task}` lists its rows.",
        "任务 {task} 中没有 {entry} 的记录。输入 `详情 {task}` 查看。",
    ),
    "source is disabled": (
        "Source “{handle}” is disabled, so it is not synced. Enable it first.",
        "来源“{handle}”已停用，不会同步。请先启用。",
    ),
    "already running": (
        "Task {task} is already at work on “{handle}”; this request joins it.",
        "任务 {task} 正在同步“{handle}”，本次请求并入该任务。",
    ),
    "another task is under way": (
        "Task {task} is at work on “{handle}”. Ask again when it has ended; `record {task}` shows how far it is.",
        "任务 {task} 正在处理“{handle}”，请待其结束后再试。输入 `详情 {task}` 查看进度。",
    ),
    "task is not over": (
        "Task {task} has not ended yet; wait for it first.",
        "任务 {task} 尚未结束，请稍候。",
    ),
    "nobody to tell": (
        "Notices go to admins in a chat, and you are not one here. Type this in a chat where you are.",
        "通知只发给聊天中的管理员，您在此处不是。请在您担任管理员的聊天中输入。",
    ),
    "already approved": (
        "Task {task} was approved already, by {by} at {at}. `record {task}` shows what became of it.",
        "任务 {task} 已由 {by} 于 {at} 批准。输入 `详情 {task}` 查看结果。",
    ),
    "already rejected": (
        "Task {task} was refused already, by {by} at {at}. Sync again for a new plan.",
        "任务 {task} 已由 {by} 于 {at} 拒绝。如需新的计划，请重新同步。",
    ),
    "task is over": (
        "Task {task} has ended already; there is nothing to cancel. `record {task}` shows what it did.",
        "任务 {task} 已经结束，无需取消。输入 `详情 {task}` 查看结果。",
    ),
    "events are not cancelled": (
        "Task {task} looks at what an event reported; it takes seconds and is not cancelled. `disable` ends a source's events.",
        "任务 {task} 正在处理事件上报的变更，几秒内完成，不能取消。如需停止事件，请停用该来源。",
    ),
    "nothing waits": (
        "Nothing in task {task} waits for a decision.",
        "任务 {task} 没有待审批的变更。",
    ),
    "callback refused": (
        "The callback is not proven to come from the vendor. Check the keys of this source against the console.",
        "无法证明此回调来自厂商。请核对此来源的密钥与后台配置。",
    ),
    "no such door": (
        "Nothing is pushed to a door “{door}” of a source of kind {kind}. Check the URL in the vendor's console.",
        "{kind} 类型的来源没有“{door}”这个回调入口。请检查厂商后台中配置的 URL。",
    ),
    # chat
    "audit right wanted": (
        "Reading the audit log is a right of its own. Ask an owner: `admin add <source> <id> --role <role> --audits`.",
        "查看审计日志需要单独授权。请联系所有者：`添加管理员 <来源> <ID> --role <角色> --audits`。",
    ),
    "not of the company": (
        "I only know people of this company, and cannot see who you are. Write to me from your account there.",
        "我只认识本公司的成员，无法确认您的身份。请用公司账号与我对话。",
    ),
    "not an admin": (
        "Sorry, you may not command Rollcall yet. Your id here is {id}. An owner can let you in: "
        "`admin add {handle} {id} --role viewer`.",
        "抱歉，您还没有使用 Rollcall 的权限。您在此处的 ID 是 {id}。"
        "所有者可为您授权：`添加管理员 {handle} {id} --role viewer`。",
    ),
    "no owner yet": (
        "Sorry, you may not command Rollcall yet, and there is no owner. Your id here is {id}. In the terminal: "
        "`rollcall admin add {handle} {id} --role owner`.",
        "抱歉，您还没有使用 Rollcall 的权限，而且尚未指定所有者。您在此处的 ID 是 {id}。"
        "请在终端输入：`rollcall admin add {handle} {id} --role owner`。",
    ),
    "employees lose access": (
        "{count} employee(s) lose access.",
        "将有 {count} 名员工失去访问权限。",
    ),
    "nobody loses access": (
        "Nobody loses access.",
        "不会有员工失去访问权限。",
    ),
    "a second person must confirm": (
        "That is more than {limit}: after you, a second person with the role must confirm too.",
        "超过 {limit} 人：您确认之后，还需另一位有权限的人确认。",
    ),
    "confirm with a number": (
        "Nothing is done yet. Press Confirm, or type `confirm {number}`, before {at}.",
        "尚未执行。请在 {at} 之前点击“确认”按钮，或输入 `确认 {number}`。",
    ),
    "confirm with a code": (
        "Nothing is done yet. A code was sent to you alone: type `confirm {number} <code>` before {at}.",
        "尚未执行。验证码已单独发送给您；请在 {at} 之前输入 `确认 {number} <验证码>`。",
    ),
    "confirm with a name": (
        "Nothing is done yet. To go on, type the name with the number before {at}: `confirm {number} {name}`.",
        "尚未执行。如需继续，请在 {at} 之前连同名称一起输入：`确认 {number} {name}`。",
    ),
    "confirm with a code and a name": (
        "Nothing is done yet. A code was sent to you alone: type it with the name before {at}: "
        "`confirm {number} <code> {name}`.",
        "尚未执行。验证码已单独发送给您；请在 {at} 之前连同名称一起输入：`确认 {number} <验证码> {name}`。",
    ),
    "name must be typed": (
        "Nothing was done: type the name with the number, `confirm {number} {name}`, or `confirm {number} no`. A code that "
        "was sent to you stands between them.",
        "未执行。请连同名称一起输入：`确认 {number} {name}`，或 `确认 {number} 否`。如收到验证码，请写在两者之间。",
    ),
    "confirmed by the first with a name": (
        "{by} has confirmed. Somebody else with the role must type `confirm {number} {name}` before {at}.",
        "{by} 已确认。还需另一位有权限的人在 {at} 之前输入 `确认 {number} {name}`。",
    ),
    "your code for a name": (
        "Your code is {code}, for `{command}`. To go on, type `confirm {number} {code} {name}` before {at}. If you did not "
        "ask for it, type `confirm {number} no` and tell an owner.",
        "验证码：{code}，用于 `{command}`。请在 {at} 之前输入 `确认 {number} {code} {name}`。"
        "如果不是您本人的操作，请告知所有者，并输入 `确认 {number} 否`。",
    ),
    "deleting cannot be undone": (
        "Deleting “{name}” cannot be undone.",
        "删除“{name}”后无法恢复。",
    ),
    "its people stay without it": (
        "Its {people} people and {departments} departments stay in the directory as they are. Nobody keeps them in step any "
        "more, and they cannot sign in by it.",
        "其 {people} 名人员和 {departments} 个部门保留在通讯录中，但不再同步，也不能再通过它登录。",
    ),
    "its people leave with it": (
        "Its {people} people leave and its {departments} departments close first, but for those that another source shows. "
        "They stay in the directory as left.",
        "先停用其 {people} 名人员并关闭 {departments} 个部门（其他来源也有的除外），它们在通讯录中标记为离职。",
    ),
    "no owner is left": (
        "Nobody would be left in any chat who is an owner; another one can be named in the terminal.",
        "删除后任何聊天中都没有所有者，可在终端中另行指定。",
    ),
    "has not left": (
        "Nobody is forgotten before they have left: {entry} is still there. `employee show {entry}` shows it.",
        "只能清除已离职人员的信息：{entry} 仍在职。输入 `查看员工 {entry}` 查看。",
    ),
    "wait for the tasks of a source": (
        "A task is at work on a source of this person. Nothing was changed; try again when it has ended: `status`.",
        "有任务正在处理此人所在的来源，未作更改。请待其结束后再试：`状态`。",
    ),
    "type the name": (
        "Nothing was done. This cannot be undone: where nobody can be asked, give the name of the source with --name.",
        "未执行。此操作无法撤销：无法询问时，请用 --name 给出来源的名称。",
    ),
    "your code": (
        "Your code is {code}, for `{command}`. To go on, type `confirm {number} {code}` before {at}. If you did not ask for "
        "it, type `confirm {number} no` and tell an owner.",
        "验证码：{code}，用于 `{command}`。请在 {at} 之前输入 `确认 {number} {code}`。"
        "如果不是您本人的操作，请告知所有者，并输入 `确认 {number} 否`。",
    ),
    "page handed out": (
        "Open the page and type the six-digit code that was sent to you alone. The link works once, until {at}. Nothing is saved before you say so there.",
        "请打开页面，输入单独发送给您的六位验证码。链接只能使用一次，{at} 前有效。您在页面上保存之前，不会有任何更改。",
    ),
    "your page code": (
        "Your code is {code}. Type it on the page that the link opens, before {at}, and give it to nobody. If you did not ask for it, tell an owner.",
        "验证码：{code}。请在 {at} 之前输入到链接打开的页面中，不要告诉任何人。如果不是您本人的操作，请告知所有者。",
    ),
    "secret typed in chat": (
        "“{field}” is a secret, and was typed into a chat, where others may read it. Delete that message, let the vendor's console make a new one, and type that on the page that `source create` or `source edit` opens.",
        "“{field}”是机密，不应在聊天中输入，他人可能已看到。请删除该消息，在厂商后台重新生成，并在 `新建来源` 或 `编辑来源` 打开的页面中填写。",
    ),
    "page address unknown": (
        "Rollcall does not know the address under which browsers reach it, so it can hand out no page. Set ROLLCALL_PUBLIC_URL to it (https://…), or do this in the terminal.",
        "尚未设置 Rollcall 的访问地址，无法提供页面。请将 ROLLCALL_PUBLIC_URL 设为该地址（https://…），或在终端中操作。",
    ),
    "too many links": (
        "You asked for too many pages within {minutes} minutes. Use the last link, or try again later.",
        "您在 {minutes} 分钟内请求的页面过多。请使用最近一次的链接，或稍后再试。",
    ),
    "page found failures": (
        "{count} check(s) failed. The page says what to do; `test {handle}` looks again.",
        "有 {count} 项检测未通过。请按页面提示处理；输入 `检测 {handle}` 可重新检测。",
    ),
    "wrong page code": (
        "That is not the code. Look in your chat with the bot for the latest one; tries left: {left}.",
        "验证码不正确。请查看与机器人单聊中的最新验证码；还可尝试 {left} 次。",
    ),
    "form is stale": (
        "This form did not come from the page that is open in this browser. Reload the page and try again.",
        "该表单不是由此浏览器中打开的页面提交的。请刷新页面后重试。",
    ),
    "page needs https": (
        "This page is opened over https only, because secrets are typed here. Set ROLLCALL_PUBLIC_URL to an https address.",
        "此页面用于输入机密，只能通过 https 打开。请将 ROLLCALL_PUBLIC_URL 设为 https 地址。",
    ),
    "page takes less": (
        "That was more than this page takes. A logo has at most 120 KB.",
        "提交的内容过大。徽标不能超过 120 KB。",
    ),
    "page is saving": (
        "This page is being saved at this moment. Wait a little, then reload it.",
        "页面正在保存，请稍候刷新。",
    ),
    "confirmed by the first": (
        "{by} has confirmed. Somebody else with the role must press the button, or type `confirm {number}`, before {at}.",
        "{by} 已确认。还需另一位有权限的人在 {at} 之前点击按钮，或输入 `确认 {number}`。",
    ),
    "no such confirmation": (
        "Nothing waits under the number {number}. Type the command itself again.",
        "编号 {number} 没有待确认的操作。请重新输入命令。",
    ),
    "confirmed already": (
        "Number {number} was confirmed already, by {by} at {at}. `records` shows what came of it.",
        "编号 {number} 已由 {by} 于 {at} 确认。输入 `记录` 查看结果。",
    ),
    "called off already": (
        "Number {number} was called off, by {by} at {at}. Type the command again if it is still wanted.",
        "编号 {number} 已由 {by} 于 {at} 取消。如仍需要，请重新输入命令。",
    ),
    "confirmation expired": (
        "Number {number} expired at {at}. Type `{command}` again if it is still wanted.",
        "编号 {number} 已于 {at} 过期。如仍需要，请重新输入 `{command}`。",
    ),
    "confirmation of somebody else": (
        "Number {number} belongs to somebody else: {by} asked, and only they can confirm it.",
        "编号 {number} 属于他人：由 {by} 发起，只有其本人可以确认。",
    ),
    "second person wanted": (
        "You have confirmed number {number}; now somebody else with the role must.",
        "您已确认编号 {number}，还需另一位有权限的人确认。",
    ),
    "wrong code": (
        "That is not the code that was sent to you for number {number}. {left} more tries.",
        "这不是发送给您的编号 {number} 的验证码，还可尝试 {left} 次。",
    ),
    "too many wrong codes": (
        "Number {number} is dead after too many wrong codes. Type `{command}` again if it is still wanted.",
        "编号 {number} 因验证码错误次数过多已作废。如仍需要，请重新输入 `{command}`。",
    ),
    "asker is no admin any more": (
        "Whoever asked for number {number} may not any more; nothing was done. Type the command yourself.",
        "编号 {number} 的发起人已没有权限，未执行。请自行输入命令。",
    ),
    "more than was shown": (
        "By now it would take access from {count} employees, more than was shown to you; nothing was done. "
        "Type `{command}` again.",
        "现在将影响 {count} 名员工，多于之前显示的人数，未执行。请重新输入 `{command}`。",
    ),
    "page breaks its rule": (
        "There is no page “{page}”. Pages are numbers from 1 on.",
        "没有第“{page}”页。页码从 1 开始。",
    ),
    "cycle is misread": (
        "“{cycle}” is no cycle. Type hours, like `every 6h {handle}`.",
        "“{cycle}”不是有效的周期。请输入小时数，例如 `每 6小时 {handle}`。",
    ),
    "budget is misread": (
        "“{calls}” is no number of calls. Type how many the vendor grants in a month, like `budget 10000 {handle}`.",
        "“{calls}”不是有效的次数。请输入厂商每月允许的调用次数，例如 `额度 10000 {handle}`。",
    ),
    "when is misread": (
        "“{when}” is no time. Type a day like 2026-11-22, a time like 2026-11-22T08:00, or an age like 24h or 7d.",
        "“{when}”不是有效的时间。请输入日期（如 2026-11-22）、时间（如 2026-11-22T08:00）或时长（如 24h、7d）。",
    ),
    "unknown role": (
        "There is no role “{role}”. There are: viewer, operator, owner.",
        "没有“{role}”这个角色。可用的有：viewer、operator、owner。",
    ),
    "where is misread": (
        "“{where}” is not understood. Type: {usage}",
        "无法理解“{where}”。请输入：{usage}",
    ),
    "only in a chat": (
        "That is for a chat: type it in the chat that is meant.",
        "此命令只能在聊天中使用：请在相应的聊天中输入。",
    ),
    "only in the terminal": (
        "That is for the terminal, because it wants secrets, which have no place in a chat: `rollcall help`.",
        "此命令需要机密信息，请勿在聊天中输入；请在终端使用：`rollcall help`。",
    ),
    "too many to confirm": (
        "Too much waits for your confirmation already. Confirm it, or try again in {minutes} minutes.",
        "待您确认的操作过多。请先确认，或 {minutes} 分钟后再试。",
    ),
    "nobody found": (
        "Nobody is found by “{text}”. Try a part of the name, an e-mail address, a mobile or an employee number.",
        "没有找到“{text}”。请尝试姓名的一部分、邮箱、手机号或工号。",
    ),
    # sources
    "handle breaks its rule": (
        "“{handle}” cannot be a handle: 1 to 32 of a-z, 0-9, - and _, beginning with a letter or digit.",
        "“{handle}”不能用作代号：1 到 32 个字符，可用 a-z、0-9、-、_，以字母或数字开头。",
    ),
    "source name breaks its rule": (
        "“{name}” cannot be a name: 2 to 100 of Chinese characters, letters, digits, - and _.",
        "“{name}”不能用作名称：2 到 100 个字符，可用中文、字母、数字、-、_。",
    ),
    "description breaks its rule": (
        "A description is one line of at most {most} characters. It is shown as the title of the sign-in page.",
        "描述须为一行，最多 {most} 个字符，将作为登录页的标题显示。",
    ),
    "answers are wrong": (
        "Nothing is saved yet. Correct these and try again: {fields}.",
        "尚未保存。请更正以下各项后重试：{fields}。",
    ),
    "source is being deleted": (
        "“{handle}” is being deleted; nothing can be changed about it any more.",
        "来源“{handle}”正在删除，不能再更改。",
    ),
    "source was deleted": (
        "The source “{handle}” was deleted, so this was dropped. What was applied before stays.",
        "来源“{handle}”已删除，此项不再执行；此前已写入的保持不变。",
    ),
    "kind stays": (
        "A source keeps its kind. Create another source for “{kind}”.",
        "来源的类型不能更改。如需“{kind}”，请新建来源。",
    ),
    "handle stays": (
        "A source keeps its handle “{handle}”, because the URLs in the vendor's console contain it. Its name can change.",
        "来源的代号“{handle}”不能更改，因为厂商后台的 URL 含有它；名称可以更改。",
    ),
    "logo comes from a file": (
        "A logo comes from a file: --logo-file F. `--logo -` takes away the one there is.",
        "徽标需从文件读取：--logo-file F；`--logo -` 删除现有徽标。",
    ),
    "logo is no picture": (
        "The logo is not a PNG or JPG picture that can be read. Save it as one of these and try again.",
        "徽标不是可读取的 PNG 或 JPG 图片，请另存为其中一种格式后重试。",
    ),
    "logo is not square": (
        "The logo is {width}×{height} pixels, which is not square. Crop it to a square.",
        "徽标为 {width}×{height} 像素，不是正方形，请裁剪为正方形。",
    ),
    "logo is too small": (
        "The logo is {width}×{height} pixels. Use one of at least {least}×{least}.",
        "徽标为 {width}×{height} 像素，请使用至少 {least}×{least} 像素的图片。",
    ),
    "logo is too large": (
        "The logo has {size} KB. Use one of at most {most} KB.",
        "徽标为 {size} KB，请使用不超过 {most} KB 的图片。",
    ),
    "chosen department is gone": (
        "Chosen for the scope of {handle}, and gone at the vendor: {paths}. Nothing was changed. Take it out with "
        "`scope remove`, or choose another with `scope set`, and sync again.",
        "{handle} 的同步范围中有已被删除的部门：{paths}。未作任何变更。请用 `移除范围` 将其移出，或另选部门；"
        "输入 `范围 {handle}` 查看。",
    ),
    "chosen department cannot be seen": (
        "Chosen for the scope of {handle}, but the app may not see it: {paths}. Nothing was changed. Put it into the "
        "app's contact range, or take it out with `scope remove`, and sync again.",
        "{handle} 的同步范围中有应用无权查看的部门：{paths}。未作任何变更。请将其加入应用的通讯录范围，或用 `移除范围` 移出。",
    ),
    "some are out of scope": (
        "In the directory, but not in the chosen departments any more: {employees} employee(s), {departments} "
        "department(s). They are to be removed: look at them with `record`.",
        "通讯录中有 {employees} 名员工、{departments} 个部门已不在同步范围内，将被移除。输入 `详情` 查看。",
    ),
    "values are left alone": (
        "The values of {count} employee(s) differ and were left as they are, because user information is not "
        "synchronized automatically. Sync again by hand, with `sync now`, to take them over.",
        "{count} 名员工的信息有变化，因已关闭用户信息自动同步而保持不变。输入 `立即同步` 可更新。",
    ),
    "no such department": (
        "There is no department “{department}” at the vendor, or the app may not see it. `scope browse` lists them.",
        "厂商侧没有部门“{department}”，或应用无权查看。输入 `浏览范围` 查看。",
    ),
    "everything is in scope": (
        "Everything of {handle} is synchronized already. `scope set` restricts it to some departments.",
        "{handle} 已同步全部部门。如需限定部门，请用 `设置范围`。",
    ),
    "not in scope": (
        "“{department}” was not chosen for {handle}. `scope {handle}` shows what was.",
        "“{department}” 不在 {handle} 的已选部门中。输入 `范围 {handle}` 查看。",
    ),
    "nothing would be in scope": (
        "That would leave no chosen department. `scope all {handle}` synchronizes everything; `disable {handle}` ends "
        "the syncs.",
        "移除后将没有已选部门。如需同步全部，请输入 `全部范围 {handle}`；如需停止同步，请输入 `停用 {handle}`。",
    ),
    "too many chosen": (
        "At most {most} departments can be chosen. Choose one above them instead.",
        "最多可选 {most} 个部门，请改选它们的上级部门。",
    ),
    "changed meanwhile": (
        "“{field}” was changed by somebody else meanwhile, and is “{now}” now. Take that over, or begin again: `source edit {handle}`.",
        "“{field}”已被他人同时修改，现为“{now}”。请沿用该值，或重新开始：`编辑来源 {handle}`。",
    ),
    "handle is taken": (
        "There is a source “{handle}” already. Choose another handle.",
        "代号“{handle}”已被使用，请换一个。",
    ),
    "too many enabled sources": (
        "At most {limit} sources can be enabled at once. Disable one of these first: {handles}.",
        "最多同时启用 {limit} 个来源。请先停用其中一个：{handles}。",
    ),
    "too many custom sources": (
        "At most {limit} custom source can be enabled. Disable “{handles}” first.",
        "最多启用 {limit} 个自定义来源。请先停用“{handles}”。",
    ),
    "cycle breaks its rule": (
        "A cycle is a whole number of hours from 1 to {most}, as in `every 6h`. For other times use `cron`.",
        "周期须为 1 到 {most} 的整数小时，例如 `每 6小时`。其他时间请用 `定时`。",
    ),
    "budget breaks its rule": (
        "A budget is a number of calls a month, at most {most}. `budget off` looks at none.",
        "额度为每月调用次数，最多 {most}。不检查请用 `关闭额度`。",
    ),
    "cycle or cron": (
        "A schedule is a cycle or a cron expression, not both. Give one of them.",
        "周期和 cron 表达式只能选一个，请只填写其中之一。",
    ),
    "cron is malformed": (
        "“{cron}” is no cron expression, or names a day that never comes. It has five fields (minute, hour, day, month, "
        "weekday), as in `30 3 * * *`.",
        "“{cron}”不是有效的 cron 表达式，或日期不存在。应有五段（分、时、日、月、周），例如 `30 3 * * *`。",
    ),
    "cron is too often": (
        "“{cron}” comes round more than once an hour. Leave an hour between syncs at least; events bring changes sooner.",
        "“{cron}”的间隔不足一小时。两次同步至少相隔一小时；事件会更快地带来变更。",
    ),
    "unknown zone": (
        "There is no time zone “{zone}”. Use an IANA name, such as Asia/Shanghai or Europe/Berlin.",
        "没有“{zone}”这个时区。请使用 IANA 名称，例如 Asia/Shanghai。",
    ),
    "limit breaks its rule": (
        "That limit must be a number from 0 to {most}.",
        "上限须为 0 到 {most} 之间的数字。",
    ),
    # matching
    "not matched by that": (
        "Nobody is matched by “{field}”. Choose from: {fields}.",
        "不能按“{field}”匹配。可选：{fields}。",
    ),
    "e-mail is not looked at": (
        "Trusting e-mail means something only where it is looked at: `matching set employees email,mobile <source> "
        "--trust-email`.",
        "只有按邮箱匹配时才能使用 --trust-email：`设置匹配 员工 邮箱,手机 <来源> --trust-email`。",
    ),
    "several entries match": (
        "It may be any of {entries}, so nothing is done. `link {key} <entry> {handle}` says which one; "
        "`link {key} new {handle}` if it is none of them.",
        "可能是以下条目之一：{entries}，因此未处理。输入 `关联 {key} <条目> {handle}` 指定；"
        "如都不是，输入 `关联 {key} new {handle}`。",
    ),
    "several match one entry": (
        "{keys} all match the entry {entry}, so nothing is done. `link <key> {entry} {handle}` for the one it is, "
        "`link <key> new {handle}` for the others.",
        "{keys} 都与条目 {entry} 匹配，因此未处理。对正确的一个输入 `关联 <ID> {entry} {handle}`，"
        "其余输入 `关联 <ID> new {handle}`。",
    ),
    "some match several entries": (
        "Conflicts: {employees} employee(s) and {departments} department(s) match more than one entry, or one entry "
        "together. They wait; their rows say how to `link` them.",
        "冲突：{employees} 名员工、{departments} 个部门的匹配不唯一，暂不处理。请按各行的提示输入 `关联`。",
    ),
    "another source keeps them": (
        "They left this source only. The entry belongs to “{handle}”, which keeps it as it is: no access is taken.",
        "仅离开本来源。该条目属于“{handle}”，保持不变，访问权限不受影响。",
    ),
    "another source shows them": (
        "Another source still shows them: {handles}. Approve if they have left for good; `unlink` if those are two.",
        "其他来源仍显示此人或部门：{handles}。如确已离开请批准；如并非同一人，请 `解除关联`。",
    ),
    "left before it was taken over": (
        "Their former source took their access: they had left, or were suspended. This one shows them with access. Approve "
        "if they are to have it again.",
        "原来源已将其标记为离开或停用，而本来源仍显示其在职。如应恢复访问权限请批准。",
    ),
    "entries without a source": (
        "There are employees in the directory whose source was deleted. Without matching rules this source creates all "
        "of its own: `matching {handle}` says how it can adopt them instead.",
        "通讯录中有员工的来源已被删除。未设置匹配规则时，本来源会全部新建：输入 `匹配 {handle}` 查看如何认领。",
    ),
    "several may be meant": (
        "“{text}” may be several. Type more of the name, or an entry id: `who` lists them.",
        "“{text}”可能指多个人或部门，请输入更完整的名称或条目 ID：`找人` 可列出。",
    ),
    "entry is not linked": (
        "The entry {entry} is not linked to “{handle}”. `employee show {entry}` lists its links.",
        "条目 {entry} 未与“{handle}”关联。输入 `查看员工 {entry}` 查看其关联。",
    ),
    "entry is linked": (
        "The entry {entry} belongs to {key} of “{handle}” already, who is still there; an entry has one of each source. "
        "`unlink {entry} {handle}` first.",
        "条目 {entry} 已关联“{handle}”的 {key}，且其仍在职；每个来源只能关联一个。请先输入 `解除关联 {entry} {handle}`。",
    ),
    "key has an entry": (
        "{key} has the entry {entry} already. `unlink` it there first.",
        "{key} 已关联条目 {entry}，请先 `解除关联`。",
    ),
    "key is no id": (
        "That is no id of a vendor: 1 to {most} characters. `record <task>` shows the ids.",
        "这不是厂商的 ID：1 到 {most} 个字符。输入 `详情 <任务>` 查看 ID。",
    ),
    "source is at work": (
        "“{handle}” is being synced at this moment. Try again when that has ended; `status` shows it.",
        "“{handle}”正在同步，请待其结束后再试。输入 `状态` 查看。",
    ),
    "kind is misread": (
        "“{kind}” is neither `employees` nor `departments`.",
        "“{kind}”既不是 `员工` 也不是 `部门`。",
    ),
    "entry changed hands": (
        "The entry was linked otherwise meanwhile. The next sync looks at it again.",
        "该条目的关联在此期间已变更，下次同步会重新处理。",
    ),
    # admins
    "no such admin": (
        "That person is no admin of “{handle}”. `admins` lists those there are.",
        "此人不是“{handle}”的管理员。输入 `管理员` 查看全部管理员。",
    ),
    "person is not an id": (
        "A person is named by their id in that workspace: 1 to {most} characters without spaces. Names do not work here.",
        "请使用该工作区的人员 ID：1 到 {most} 个字符，不含空格。这里不能使用姓名。",
    ),
    "last owner": (
        "That would leave nobody who is an owner. Name another owner first, or do it in the terminal.",
        "这样将没有任何所有者。请先指定另一位所有者，或在终端中操作。",
    ),
    "unknown kind": (
        "There is no kind of source “{kind}”. There are: {kinds}.",
        "没有“{kind}”这种来源。可用的有：{kinds}。",
    ),
    "unknown setting": (
        "A source of kind {kind} has no setting “{field}”.",
        "{kind} 类型的来源没有“{field}”这一设置。",
    ),
    "secret given as an argument": (
        "“{field}” is a secret: give a file with --{field}-file, or - to read it from standard input.",
        "“{field}”是机密：请用 --{field}-file 指定文件，或用 - 从标准输入读取。",
    ),
    "setting is missing": (
        "A source of kind {kind} needs “{field}”.",
        "{kind} 类型的来源需要填写“{field}”。",
    ),
    "setting is misshaped": (
        "“{field}” does not look right: {help}",
        "“{field}”格式不正确：{help}",
    ),
    "secret file unreadable": (
        "Cannot read the file that is given for the secret “{field}”. Check its path and permissions; it holds text.",
        "无法读取机密“{field}”的文件，请检查路径和权限，文件内容须为文本。",
    ),
    "secret is empty": (
        "The secret “{field}” is empty.",
        "机密“{field}”为空。",
    ),
    "secrets are missing": (
        "The secrets of “{handle}” are not on this machine. Create the source again, or copy the secrets file back.",
        "本机没有来源“{handle}”的机密。请重新创建来源，或恢复机密文件。",
    ),
    "setting is malformed": (
        "The setting {names} is missing or malformed. Correct the environment and start again.",
        "设置 {names} 缺失或格式错误，请修正环境变量后重试。",
    ),
    "home cannot be used": (
        "Cannot keep state in {home} ({problem}). Choose another directory with --home or ROLLCALL_HOME.",
        "无法在 {home} 保存数据（{problem}）。请用 --home 或 ROLLCALL_HOME 指定其他目录。",
    ),
    "cannot listen": (
        "Cannot listen on {host} port {port} ({problem}). Choose another --host or --port.",
        "无法在 {host} 的端口 {port} 上监听（{problem}）。请用 --host 或 --port 另选。",
    ),
    # alarms of a deployment
    "alarm syncs missed": (
        "A source has gone several cycles without a good sync. `status` and `records` say which one and why; `test <source>` looks for the cause. ({alarm})",
        "有来源已连续多个周期未成功同步。输入 `状态`、`记录` 查看是哪个来源及原因，`测试 <来源>` 可排查（{alarm}）。",
    ),
    "alarm held too long": (
        "Changes have been held for hours and wait for somebody to approve or reject them. `menu` shows them. ({alarm})",
        "有变更已被拦截数小时，等待批准或拒绝。输入 `菜单` 查看（{alarm}）。",
    ),
    "alarm deliveries late": (
        "What the vendors pushed is not worked off: resignations wait, too. `status` says what runs; docs/operate.md says what to do. ({alarm})",
        "推送的事件积压未处理，离职事件也在等待。输入 `状态` 查看运行情况，处理方法见 docs/operate.md（{alarm}）。",
    ),
    "alarm callbacks refused": (
        "Callbacks come that are not proven to be the vendor's. If a key was changed in its console, give it to Rollcall; `test <source>` says which. ({alarm})",
        "收到无法验证来源的回调。如在控制台更换过密钥，请同步更新到 Rollcall；`测试 <来源>` 可指出是哪个（{alarm}）。",
    ),
    "alarm callbacks broken": (
        "Requests were answered with an error of ours. Vendors send again for a while; docs/operate.md says where to look. ({alarm})",
        "部分请求处理出错。对方会重试一段时间；排查方法见 docs/operate.md（{alarm}）。",
    ),
    "alarm dead letters": (
        "Work failed five times and was put aside. Nothing is lost, the next tick takes it up again; docs/operate.md says how to find the cause. ({alarm})",
        "有任务连续失败五次，已移至死信队列。数据未丢失，下次定时检查会继续处理；排查方法见 docs/operate.md（{alarm}）。",
    ),
    "alarm throttled": (
        "AWS turned calls away: there were too many at once. It is over by itself if it was a storm; else docs/operate.md says which quota to raise. ({alarm})",
        "AWS 因请求过多拒绝了部分调用。如为突发会自行恢复，否则请按 docs/operate.md 提升相应配额（{alarm}）。",
    ),
    "alarm clock": (
        "The clock of Rollcall does not tick, so no schedule runs. docs/operate.md says where to look. ({alarm})",
        "Rollcall 的定时器未运行，所有计划任务均已停止。排查方法见 docs/operate.md（{alarm}）。",
    ),
    "alarm other": (
        "AWS raised the alarm {alarm}. Look at it in the CloudWatch console.",
        "AWS 触发了告警 {alarm}，请在 CloudWatch 控制台查看。",
    ),
    "alarm over": (
        "It is over: {alarm}.",
        "已恢复：{alarm}。",
    ),
    # a deployment, from a terminal
    "no such deployment": (
        "There is no deployment “{stage}” in this AWS account in {region}. Look at AWS_PROFILE and AWS_REGION; "
        "`make deploy STAGE={stage}` makes one.",
        "当前 AWS 账户的 {region} 区域中没有“{stage}”部署。请检查 AWS_PROFILE 和 AWS_REGION；`make deploy STAGE={stage}` 可创建。",
    ),
    "deployment is not whole": (
        "The deployment “{stage}” is not whole ({status}). Run `make deploy STAGE={stage}` of this version.",
        "“{stage}”部署不完整（{status}）。请用本版本运行 `make deploy STAGE={stage}`。",
    ),
    "aws region is missing": (
        "No AWS region is set. Set AWS_REGION to the one that Rollcall is deployed in.",
        "未设置 AWS 区域，请将 AWS_REGION 设为 Rollcall 所在的区域。",
    ),
    "aws credentials refused": (
        "AWS credentials are missing or no longer good ({code}). Set AWS_PROFILE, or sign in: `aws sso login`.",
        "AWS 凭证缺失或已失效（{code}）。请设置 AWS_PROFILE，或运行 `aws sso login` 登录。",
    ),
    "aws permission missing": (
        "Your AWS user may not call {operation}. docs/security.md says what an operator needs.",
        "您的 AWS 用户无权调用 {operation}。操作员所需权限见 docs/security.md。",
    ),
    "aws cannot be reached": (
        "AWS cannot be reached ({problem}). Look at the network and at AWS_REGION, then try again.",
        "无法连接 AWS（{problem}）。请检查网络和 AWS_REGION 后重试。",
    ),
    # what a source answers
    "credentials refused": (
        "The vendor refuses the app id or secret of this source (code {code}). Copy both from the console again.",
        "厂商拒绝了此来源的应用凭证（错误码 {code}）。请从后台重新复制应用 ID 和密钥。",
    ),
    "company refused": (
        "The vendor does not let this app speak for that company (code {code}). Copy the company's id again.",
        "厂商不允许此应用访问该企业（错误码 {code}）。请重新复制企业 ID。",
    ),
    "unknown app": (
        "The vendor does not know this app id (code {code}). Check the id, and that the base URL is of the right cloud.",
        "厂商不认识此应用 ID（错误码 {code}）。请检查 ID，以及服务地址是否属于正确的区域。",
    ),
    "app not available": (
        "The app is disabled, or not installed in this company (code {code}). Publish it and let an admin approve it.",
        "应用已停用或未安装到本企业（错误码 {code}）。请发布应用版本并由管理员审批。",
    ),
    "permission missing": (
        "The app lacks a permission: {scopes} (code {code}). Grant it, publish a version of the app, and sync again.",
        "应用缺少权限：{scopes}（错误码 {code}）。请开通权限、发布应用版本后重新同步。",
    ),
    "address not allowed": (
        "The vendor does not accept calls from this network (code {code}). Add its address to the app's IP allow-list.",
        "厂商不接受来自此网络的调用（错误码 {code}）。请把出口 IP 加入应用的白名单。",
    ),
    "quota used up": (
        "The vendor's monthly quota of calls is used up (code {code}). Syncs go on when it is renewed or enlarged.",
        "厂商的每月调用额度已用完（错误码 {code}）。额度恢复或扩容后继续同步。",
    ),
    "source throttles": (
        "The vendor kept limiting our calls to {endpoint}. Nothing was changed; the sync is tried again later.",
        "厂商持续限制对 {endpoint} 的调用。未作任何变更，稍后自动重试。",
    ),
    "network is blocked": (
        "The vendor blocks all calls from this network for about {minutes} minutes, because too many came from it. "
        "Nothing was changed; the sync is tried again then.",
        "来自此网络的调用过多，厂商将其封禁约 {minutes} 分钟。未作任何变更，届时自动重试。",
    ),
    "source unavailable": (
        "The vendor did not answer properly at {endpoint} ({problem}). Nothing was changed; the sync is tried again later.",
        "厂商接口 {endpoint} 未正常应答（{problem}）。未作任何变更，稍后自动重试。",
    ),
    "source broke its contract": (
        "The vendor's answer at {endpoint} is not understood ({problem}). Nothing was changed. Please report this.",
        "无法理解厂商接口 {endpoint} 的应答（{problem}）。未作任何变更，请反馈此问题。",
    ),
    "parameters refused": (
        "The vendor refuses our request to {endpoint} (code {code}). Nothing was changed. Please report this.",
        "厂商拒绝了对 {endpoint} 的请求（错误码 {code}）。未作任何变更，请反馈此问题。",
    ),
    "another company": (
        "Of {known} known people {kept} were seen, but {seen} new ones: these credentials show another company. "
        "Nothing was changed. Check the app id, or create a new source.",
        "已知的 {known} 名成员中只看到 {kept} 名，却有 {seen} 名新成员：这些凭证属于另一家企业。未作任何变更。请检查应用 ID，或新建来源。",
    ),
    # what a read could not see
    "range is partial": (
        "The app may only see part of the company ({departments} departments, {people} single people). Others are kept "
        "as they are. To see everyone, widen the app's contact range.",
        "应用只能看到企业的一部分（{departments} 个部门、{people} 名单独授权的成员），其余保持不变。如需全部，请扩大应用的通讯录权限范围。",
    ),
    "fields not readable": (
        "The app may not read {fields}; those fields are kept as they are. To read them, grant {scopes} and publish.",
        "应用无权读取 {fields}，这些字段保持不变。如需读取，请开通 {scopes} 并发布版本。",
    ),
    "permissions unknown": (
        "The vendor does not tell which permissions the app has (code {code}); empty fields are kept as they are. "
        "Sync again; if it stays so, check the app's permissions.",
        "厂商未告知应用拥有哪些权限（错误码 {code}），空字段保持不变。请重新同步；如仍出现，请检查应用权限。",
    ),
    "outside the range": (
        "It is outside the app's contact range (code {code}), so nobody can say whether it left. It is kept.",
        "超出应用的通讯录权限范围（错误码 {code}），无法判断是否已离开，保持不变。",
    ),
    "answer unclear": (
        "The vendor gave no clear answer about it (code {code}). It is kept.",
        "厂商没有给出明确答复（错误码 {code}），保持不变。",
    ),
    "some cannot be seen": (
        "{employees} employee(s) and {departments} department(s) that we know cannot be seen any more, and the vendor does "
        "not say that they left. They are kept. Check the app's contact range.",
        "已知的 {employees} 名员工和 {departments} 个部门现在看不到，厂商也没有说他们已离开，因此保持不变。请检查应用的通讯录权限范围。",
    ),
    "some are unclear": (
        "{employees} employee(s) and {departments} department(s) were shown in two ways, or with a value missing, and the "
        "vendor gave no clear answer about them by name. They are kept as they are. Sync again.",
        "{employees} 名员工和 {departments} 个部门前后显示不一致或缺少某个值，逐个查询也没有明确答复，因此保持不变。请重新同步。",
    ),
    "fields not shown": (
        "The vendor does not show {fields} (for {count} entries), nor says that it is empty; it is kept as it is. Check the "
        "app's permissions, then sync again.",
        "厂商未显示 {fields}（{count} 个条目），也未说明为空，因此保持不变。请检查应用权限后重新同步。",
    ),
    "nobody was found": (
        "The vendor said that it is gone, but did not find anybody else either. It is kept. Sync again.",
        "厂商称其已不存在，但其他人也都查不到，因此保持不变。请重新同步。",
    ),
    # rows of a plan
    "value does not fit its field": (
        "The source's value for {field} does not fit. The entry is kept as it is; correct the value in the source.",
        "来源中 {field} 的值不符合要求，条目保持不变。请在来源中修正。",
    ),
    "new entry lacks a field": (
        "It is new, and the source does not show its {field}; it is not created. Grant the permission for that field.",
        "这是新条目，但来源未提供 {field}，因此未创建。请开通读取该字段的权限。",
    ),
    "too many employees at once": (
        "{count} people would lose access ({recent} more within the hour); the guard lets {limit} pass. "
        "Approve them, or refuse.",
        "将有 {count} 人失去访问权限（一小时内另有 {recent} 人），超过保护上限 {limit}。请批准或拒绝。",
    ),
    "too many departments at once": (
        "{count} departments would be closed ({recent} more within the hour); the guard lets {limit} pass. "
        "Approve them, or refuse.",
        "将关闭 {count} 个部门（一小时内另有 {recent} 个），超过保护上限 {limit}。请批准或拒绝。",
    ),
    "cannot be seen": (
        "It cannot be seen since {since}, and nobody says that it left. Approve its removal, or restore the app's range.",
        "自 {since} 起无法看到，也没有离开的消息。请批准移除，或恢复应用的权限范围。",
    ),
    "field vanished from many": (
        "{field} became empty for {count} at once: rather a lost permission than an edit. It is kept; approve if meant.",
        "{field} 同时有 {count} 个变为空，更像是权限丢失而非修改，因此保留。如确需清空请批准。",
    ),
    "field changed for many": (
        "{field} changes for {count} at once. Approve if that is meant.",
        "{field} 同时有 {count} 个发生变化。如确认无误请批准。",
    ),
    "its people wait": (
        "It stays open while the removal of people in it waits for a decision.",
        "其中人员的移除仍待审批，部门暂时保留。",
    ),
    "newer observation": (
        "A newer observation was written meanwhile; this one was dropped.",
        "期间已有更新的观察结果写入，本条作废。",
    ),
    "departure contradicted": (
        "An event said that they left, but the source went on showing them; they are kept. Look in the console.",
        "事件称其已离开，但来源仍显示在职，因此保留。请到后台确认。",
    ),
    "approved": (
        "Approved, and applied by task {task}.",
        "已批准，由任务 {task} 执行。",
    ),
    "approval not true any more": (
        "Approved, but not true any more when task {task} looked again; nothing was changed.",
        "已批准，但任务 {task} 再次确认时情况已变，未作变更。",
    ),
    "rejected": (
        "Refused by an admin.",
        "管理员已拒绝。",
    ),
    "out of date": (
        "A later full sync, task {task}, made this plan out of date. Look at `record {task}`.",
        "较新的全量同步任务 {task} 已使此计划过期，请查看 `详情 {task}`。",
    ),
    # what chats refuse
    "bot is switched off": (
        "The app's bot is off (code {code}). Add the bot ability in the developer console, publish a version, and let an "
        "admin approve it.",
        "应用的机器人未启用（错误码 {code}）。请在开发者后台添加机器人能力、发布版本并由管理员审批。",
    ),
    "bot is not in the chat": (
        "The bot is not in that group (code {code}). Add it in the group's settings, then ask again.",
        "机器人不在该群中（错误码 {code}）。请在群设置中添加机器人后重试。",
    ),
    "bot not available to the person": (
        "That person may not use the app (code {code}): they left, or are outside its availability. Widen the app's "
        "availability in the console and publish a version.",
        "此人无法使用应用（错误码 {code}）：已离职或不在可用范围内。请在后台扩大应用的可用范围并发布版本。",
    ),
    "bot is muted by the person": (
        "That person stopped the bot from sending messages (code {code}). They can allow it again in their chat with it.",
        "此人已停止接收机器人的消息（错误码 {code}），可在与机器人的会话中重新开启。",
    ),
    "chat refuses the bot": (
        "The settings of that chat do not let the bot speak (code {code}). Ask its owner to allow it, or use another chat.",
        "该会话的设置不允许机器人发言（错误码 {code}）。请联系群主放开，或换一个会话。",
    ),
    "message fails the audit": (
        "The company's rules for messages refuse this answer (code {code}), as a rule for the phone numbers or e-mails in it. "
        "Type the same command in the terminal.",
        "企业的消息审查规则拒绝了此回复（错误码 {code}），通常因其中含有电话或邮箱。请在终端中输入同一命令。",
    ),
    "card is too old": (
        "This card is from another time and cannot be pressed any more. Type `help` for a fresh one.",
        "此卡片已过时，无法再点击。请输入“帮助”获取新的卡片。",
    ),
    "robot not available": (
        "The robot may not speak here (code {code}). Publish a version of the app with its robot, check the robot's code "
        "in this source's settings, and that the robot is not stopped.",
        "机器人无法在此发言（错误码 {code}）。请发布带机器人的应用版本，核对此来源设置中的机器人编码，并确认机器人未被停用。",
    ),
    "chat not found": (
        "Nobody can be reached there (code {code}): the person left, or is outside the app's usable range, or the group was "
        "disbanded or lost the robot. Add the robot to the group, or choose another chat.",
        "无法送达（错误码 {code}）：此人已离开或不在应用可用范围内，或群已解散、机器人已被移出。请将机器人加入群，或换一个会话。",
    ),
    "reply is shortened": (
        "{lines} more lines do not fit into one message. Ask for less at a time, or type the same command in the terminal.",
        "还有 {lines} 行放不进一条消息。请缩小查询范围，或在终端中输入同一命令。",
    ),
    "reply about a task is shortened": (
        "{lines} more lines do not fit into one message. `record {task}` shows them page by page.",
        "还有 {lines} 行放不进一条消息。输入 `详情 {task}` 可逐页查看。",
    ),
    # the field mapping
    "expression is misread": (
        "The rule for {field} cannot be read at “{near}”. A text goes in quotes. Examples: {examples}.",
        "{field} 的规则在“{near}”处无法识别。固定文本须加引号。示例：{examples}。",
    ),
    "expression is too long": (
        "The rule for {field} is too long: at most {most} characters.",
        "{field} 的规则过长，最多 {most} 个字符。",
    ),
    "expression is too deep": (
        "The rule for {field} nests more than {most} deep. Make it flatter.",
        "{field} 的规则嵌套超过 {most} 层，请简化。",
    ),
    "expression has too many parts": (
        "The rule for {field} has more than {most} parts. Make it simpler.",
        "{field} 的规则超过 {most} 个部分，请简化。",
    ),
    "too many lookup rules": (
        "The lookup for {field} has {count} rules; there may be {most}. Put what they share under “else”.",
        "{field} 的对照表有 {count} 条，最多 {most} 条。可将其余归入“else”。",
    ),
    "no such function": (
        "The rule for {field} names “{name}”, which is no function. There are: {functions}.",
        "{field} 的规则使用了不存在的函数“{name}”。可用的有：{functions}。",
    ),
    "no such field": (
        "The directory has no field “{field}”. There are: {fields}; those of departments are typed as department.name. "
        "`field add` adds one for employees.",
        "通讯录没有字段“{field}”。可用的有：{fields}；部门字段写作 department.name。可用 `新增字段` 为员工添加字段。",
    ),
    "no such source field": (
        "The rule for {field} names “{name}”, which this kind of source does not have. If it is a text, put it in quotes "
        "(in a shell: '\"{name}\"'). Fields: {fields}.",
        "{field} 的规则使用了“{name}”，此类来源没有该字段。若是固定文本请加引号（终端中写作 '\"{name}\"'）。可用字段：{fields}。",
    ),
    "state is the vendor's": (
        "{field} says who is active and who has left; it may come from the source's own state only. "
        "`mapping reset {field}` restores that.",
        "{field} 决定在职与离开，只能取来源的 state。可用 `恢复映射 {field}` 恢复。",
    ),
    "field must have a rule": (
        "{field} must come from a field of the source: no entry can be made without it.",
        "{field} 必须取自来源字段：缺少它无法创建条目。",
    ),
    "reference must be a source field": (
        "{field} refers to other entries, so it takes source fields only, without texts or functions.",
        "{field} 指向其他条目，只能直接取来源字段，不能使用文本或函数。",
    ),
    "source field does not fit": (
        "{field} is of the type {type}, and “{name}” holds {holds}, which never fits. Choose another source field.",
        "{field} 的类型是 {type}，而“{name}”的内容是 {holds}，无法匹配。请选择其他来源字段。",
    ),
    "text does not fit": (
        "{field} is of the type {type}, and “{text}” in its rule is not. Change the text, or the field's type.",
        "{field} 的类型是 {type}，规则中的“{text}”不符合。请修改文本或字段类型。",
    ),
    "source field is not listed": (
        "Not known to every company: {fields}. If the name is wrong, the field stays as it is; `mapping try` shows what comes.",
        "并非所有企业都有：{fields}。若名称有误，字段保持不变；可用 `试算映射` 查看结果。",
    ),
    "source field is shown by nobody": (
        "Nobody in what was last read has a value in {fields}. Check the names.",
        "最近一次读取中没有人有 {fields} 的值，请核对名称。",
    ),
    "no snapshot": (
        "Nothing of “{handle}” was read as a whole within a week, so there is nothing to try a mapping on. "
        "`sync preview {handle}` reads it and changes nothing.",
        "一周内没有“{handle}”的完整读取，无法试算。输入 `预览同步 {handle}` 读取一次，不作任何变更。",
    ),
    "field name breaks its rule": (
        "“{name}” cannot be the name of a field: 2 to 32 lower-case letters, digits and _, beginning with a letter, and none of "
        "Rollcall's own words. Its label may be anything.",
        "“{name}”不能作为字段名：2 至 32 位小写字母、数字或 _，以字母开头，且不能是系统保留词。显示名称不受此限。",
    ),
    "field label breaks its rule": (
        "A label is one line of at most {most} characters.",
        "显示名称须为一行，最多 {most} 个字符。",
    ),
    "field is there already": (
        "There is a field {field} already. `field edit {field}` changes its label or type, `mapping set {field}` what it takes.",
        "已有字段 {field}。用 `修改字段 {field}` 改名称或类型，用 `设置映射 {field}` 改取值。",
    ),
    "too many extended fields": (
        "There are {most} extended fields already, which is the most. Remove one first.",
        "扩展字段已达上限 {most} 个，请先删除一个。",
    ),
    "unknown field type": (
        "“{type}” is no type of a field. There are: {types}.",
        "没有“{type}”这种字段类型。可用的有：{types}。",
    ),
    "no such extended field": (
        "“{handle}” has no extended field “{name}”. It has: {fields}.",
        "“{handle}”没有扩展字段“{name}”。现有：{fields}。",
    ),
    "field edit wants something": (
        "Say what to change of {name}: --label, --type, or both. Its name stays: add a new field instead.",
        "请说明要修改 {name} 的什么：--label、--type 或两者。字段名不能改，可另建新字段。",
    ),
    # what it costs
    "month costs": (
        "This month will cost about {dollars} USD (table {table}, functions {functions}, queues {queues}, secrets {secrets}, "
        "watching {watching}, else {rest}): estimated from what was counted; AWS's bill decides.",
        "本月预计约 {dollars} 美元（数据表 {table}，函数 {functions}，队列 {queues}，密钥 {secrets}，监控 {watching}，其他 "
        "{rest}）：按计数估算，以 AWS 账单为准。",
    ),
    "costs nothing here": (
        "It costs nothing but this machine.",
        "除本机外不产生费用。",
    ),
    # how tasks end
    "waits for approval": (
        "{count} changes wait for a person; everything else is applied. See `record {task}`, then `sync approve {task}` "
        "or `sync reject {task}`.",
        "有 {count} 项变更等待审批，其余已执行。请查看 `详情 {task}`，再输入 `批准 {task}` 或 `拒绝 {task}`。",
    ),
    "is a preview": (
        "A preview: nothing is applied. `sync approve {task}` applies it.",
        "这是预览，未执行任何变更。输入 `批准 {task}` 执行。",
    ),
    "cancelled": (
        "Cancelled by {by} at {at}. What was applied before stays; the rest of the plan was dropped.",
        "已由 {by} 于 {at} 取消。此前已执行的变更保留，其余不再执行。",
    ),
    "cancelled with its source": (
        "Cancelled, because {by} disabled “{handle}” at {at}. What was applied before stays; the rest was dropped.",
        "“{handle}”已由 {by} 于 {at} 停用，任务随之取消。此前已执行的变更保留，其余不再执行。",
    ),
    "gave up": (
        "The task was started {attempts} times and never came to its end. Look into the log, then sync again.",
        "任务启动了 {attempts} 次仍未完成。请查看日志后重新同步。",
    ),
    "store is busy": (
        "The store did not take a write in time; the work goes on by itself.",
        "存储暂时繁忙，任务会自动继续。",
    ),
    "lease is lost": (
        "Another worker took this source over; it goes on there.",
        "另一个进程已接管此来源，任务在那里继续。",
    ),
    "not answered": (
        "That could not be done after {tries} tries. See `status` for what has happened, then type it again.",
        "尝试 {tries} 次仍未完成。请先用“状态”查看进展，再重新输入。",
    ),
    "internal error": (
        "Something went wrong inside Rollcall ({kind}). Nothing more was changed. Please report this, with the log.",
        "Rollcall 内部错误（{kind}）。未再作任何变更，请附日志反馈。",
    ),
}


def say(code: str, lang: Lang, facts: Mapping[str, Fact]) -> str:
    """Put a message into words."""
    return CATALOGUE[code][lang is Lang.ZH].format_map(facts)
