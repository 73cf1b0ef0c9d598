"""What the pages say, in English and 中文. What goes wrong is said by the catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "other language": ("中文", "English"),
    "open until": ("This page is open until {at}.", "此页面在 {at} 前有效。"),
    # the code
    "code title": ("Type your code", "输入验证码"),
    "code intro": (
        "The bot has sent six digits to you alone, in your own chat with it. They show that this page is yours.",
        "机器人已在与您的单聊中发送六位数字，用于确认此页面由您本人打开。",
    ),
    "code label": ("Six-digit code", "六位验证码"),
    "continue": ("Continue", "继续"),
    "code spent": (
        "The link works once: the first browser with the right code has the page.",
        "链接只能使用一次：最先输入正确验证码的浏览器可使用此页面。",
    ),
    # what is over, or refused
    "gone title": ("This link is not good any more", "链接已失效"),
    "gone text": (
        "It was used already, its time is over, or it was never ours. Nothing was changed. Go back to the chat and ask "
        "the bot again:",
        "链接已被使用、已过期或无效，没有任何更改。请回到聊天中，重新向机器人发送：",
    ),
    "gone here": (
        "If you opened the page in this browser, go on with it.",
        "如果您已在此浏览器中打开该页面，可以继续。",
    ),
    "refused title": ("That did not work", "操作未成功"),
    "reload": ("Open the page again", "重新打开页面"),
    "called off title": ("Called off", "已取消"),
    "called off text": ("Nothing was saved. You can close this page.", "没有保存任何内容，可以关闭此页面。"),
    # steps
    "step kind": ("Kind", "类型"),
    "step form": ("Details", "填写"),
    "step review": ("Check and save", "核对并保存"),
    "step done": ("Done", "完成"),
    "create title": ("New source", "新建来源"),
    "edit title": ("Edit {name}", "编辑 {name}"),
    "kind intro": ("Where do your people live?", "您的人员数据在哪里？"),
    "choose": ("Choose", "选择"),
    # the form
    "form wrong": ("{count} answer(s) need another look. Nothing is saved yet.", "有 {count} 项需要更正，尚未保存。"),
    "about": ("About this source", "基本信息"),
    "handle": ("Handle", "代号"),
    "handle help": (
        "What you type in commands and what stands in URLs, such as hq. Lower-case letters, digits, - and _; it stays.",
        "用于命令和网址，例如 hq。可用小写字母、数字、- 和 _，之后不能更改。",
    ),
    "name": ("Name", "名称"),
    "name help": (
        "2 to 100 characters: Chinese, letters, digits, - and _.",
        "2 到 100 个字符：中文、字母、数字、- 和 _。",
    ),
    "description": ("Description", "描述"),
    "description help": (
        "One line, shown as the title of the sign-in page later.",
        "一行文字，之后将作为登录页的标题显示。",
    ),
    "logo": ("Logo", "徽标"),
    "logo help": (
        "PNG or JPG, square, at least 240 × 240 pixels, at most 120 KB.",
        "PNG 或 JPG，正方形，至少 240 × 240 像素，不超过 120 KB。",
    ),
    "logo is given": ("A picture was chosen; choose another one to replace it.", "已选择图片；可另选一张替换。"),
    "logo remove": ("Take the logo away", "移除徽标"),
    "optional": ("optional", "选填"),
    "app": ("The app in {kind}", "{kind} 应用"),
    "app help": (
        "From the developer console of {kind}. The secrets come last, on the next page.",
        "见{kind}开发者后台。机密在下一页填写。",
    ),
    "more settings": ("More settings, seldom needed", "更多设置（一般无需更改）"),
    "sync": ("Synchronization", "同步"),
    "automatic": ("Synchronize automatically", "自动同步"),
    "automatic help": (
        "By the schedule below. Off: only when somebody asks for it.",
        "按下面的时间同步。关闭后仅手动同步。",
    ),
    "user_info": ("Synchronize user information", "同步用户信息"),
    "user_info help": (
        "Off: who comes and who leaves is applied, what is known of people stays. No effect while automatic "
        "synchronization is off.",
        "关闭后只处理入职和离职，人员信息保持不变。自动同步关闭时此项不起作用。",
    ),
    "rhythm": ("When", "同步时间"),
    "daily": ("Every day", "每天"),
    "hour": ("Time of day", "时间"),
    "hours": ("Every few hours", "每隔几小时"),
    "cycle_hours": ("Hours from one sync to the next", "间隔小时数"),
    "cron choice": ("By a cron expression", "cron 表达式"),
    "cron": ("Cron expression", "cron 表达式"),
    "cron help": (
        "Five fields: minute, hour, day, month, weekday. 30 3 * * 1-5 is at 3:30 from Monday to Friday.",
        "五段：分、时、日、月、周。30 3 * * 1-5 表示周一至周五 3:30。",
    ),
    "zone": ("Time zone", "时区"),
    "zone help": ("An IANA name, such as Asia/Shanghai or Europe/Berlin.", "IANA 名称，例如 Asia/Shanghai。"),
    "check": ("Next: check and save", "下一步：核对并保存"),
    "call off": ("Call off", "取消"),
    "missing": ("This is needed.", "此项必填。"),
    "misshaped": ("This does not look right: {help}", "格式不正确：{help}"),
    # the review
    "review intro": (
        "Nothing is saved yet. Look it over, type the secrets, and save.",
        "尚未保存。请核对以下内容，填写机密后保存。",
    ),
    "preview": ("What will be saved", "将要保存的内容"),
    "change": ("Change", "修改"),
    "secrets": ("Secrets", "机密"),
    "secrets help": (
        "They go to Rollcall's safe directly and are never shown again, not here and not in chat.",
        "将直接存入 Rollcall 的机密存储，之后不会在此页面或聊天中显示。",
    ),
    "secret kept": (
        "Set. Leave it empty to keep it; type a new one to replace it.",
        "已设置。留空则保持不变，填写则替换。",
    ),
    "secret remove": ("Take it away", "移除"),
    "secret again": (
        "Secrets are not kept on this page: type them once more.",
        "页面不会保留机密，请重新填写。",
    ),
    "show": ("Show", "显示"),
    "hide": ("Hide", "隐藏"),
    "given": ("given, {count} characters", "已填写，{count} 个字符"),
    "copy title": ("Copy into {kind}'s console", "复制到{kind}后台"),
    "copy help": (
        "Paste these there. You find them in the terminal later, by: rollcall source show {handle}",
        "请粘贴到后台对应位置。之后也可在终端查看：rollcall source show {handle}",
    ),
    "copy unknown": (
        "Rollcall's public address is not known yet: once ROLLCALL_PUBLIC_URL is set, it stands in place of the dots.",
        "尚未设置公网地址：设置 ROLLCALL_PUBLIC_URL 后，此处将显示完整网址。",
    ),
    "copy": ("Copy", "复制"),
    "copied": ("Copied", "已复制"),
    "save": ("Save", "保存"),
    "save off": ("Save, and leave it off", "仅保存，暂不启用"),
    "save on": ("Save and activate", "保存并启用"),
    "save help": (
        "Activating tests the connection first, which takes a few seconds. If a test fails, it is saved and stays off.",
        "启用前会先检测连接，需要几秒钟。若检测未通过，则只保存，不启用。",
    ),
    "edit help": (
        "Used from the next sync on. New credentials are tested first: if they are refused, nothing is changed.",
        "从下次同步起生效。新的凭证会先检测；若被拒绝，则不作任何更改。",
    ),
    "saving": ("One moment …", "请稍候……"),
    "status": ("Status", "状态"),
    "kind": ("Kind", "类型"),
    "on": ("on", "开"),
    "off": ("off", "关"),
    "enabled": ("enabled", "启用"),
    "disabled": ("off", "停用"),
    "yours to choose": ("you choose below", "在下方选择"),
    "every day at": ("every day at {hour}:00", "每天 {hour}:00"),
    "every hours": ("every {count} hours", "每 {count} 小时"),
    "every hour": ("every hour", "每小时"),
    "by cron": ("by {cron}", "按 {cron}"),
    "next run": ("next: {at}", "下次：{at}"),
    "no effect": ("no effect while automatic synchronization is off", "自动同步关闭时不起作用"),
    "none": ("–", "–"),
    # what came of it
    "created on": ("{name} is created and active", "{name} 已创建并启用"),
    "created off": ("{name} is created, and is off", "{name} 已创建，尚未启用"),
    "edited on": ("{name} is saved and active", "{name} 已保存，已启用"),
    "edited off": ("{name} is saved, and is off", "{name} 已保存，尚未启用"),
    "nothing saved": ("Nothing was saved: the new credentials were refused", "未保存：新的凭证被拒绝"),
    "not activated": (
        "It was not activated: a test failed. Do what stands below, then correct it here, or type `enable {handle}`.",
        "检测未通过，因此未启用。请按下方提示处理，然后在此修改，或输入 `启用 {handle}`。",
    ),
    "refused credentials": (
        "The source is as it was before. Look at what the vendor said, and try again.",
        "来源保持原样。请查看厂商的返回信息后重试。",
    ),
    "tested": ("What the test found", "检测结果"),
    "what came": ("Came back", "返回"),
    "what it means": ("Means", "影响"),
    "what to do": ("To do", "处理"),
    "next title": ("What next", "下一步"),
    "next preview": (
        "In the chat, see what the first sync would do, without doing it:",
        "在聊天中预览首次同步的结果（不会执行）：",
    ),
    "next paste": (
        "Paste the addresses below into the vendor's console, so that changes arrive within seconds.",
        "将下方的网址粘贴到厂商后台，变更即可在几秒内送达。",
    ),
    "next replaced": (
        "Change these in the vendor's console in five minutes, not sooner: {names}. The old value is taken too until "
        "the vendor uses the new one, for a week at most.",
        "请在五分钟后到厂商后台修改：{names}。在厂商使用新值之前，旧值仍然有效，最长一周。",
    ),
    "next enable": ("When it is ready, activate it in the chat:", "准备好后，在聊天中启用："),
    "next test": ("Test it at any time:", "可随时检测："),
    "next close": ("The bot has told the chat. You can close this page.", "机器人已在聊天中通知。可以关闭此页面。"),
    "again": ("Correct it here", "在此修改"),
    "well": ("Fine: {count}", "正常：{count} 项"),
    "grade warning": ("warning", "注意"),
    "grade failed": ("failed", "未通过"),
}
